import { beforeEach, expect, test, vi } from "vitest";

import { loudness } from "../../src/recorder/meter";
import { refusal } from "../../src/recorder/recorder";

beforeEach(() => {
  vi.stubGlobal("isSecureContext", true);
});

test("what cannot be used says what to do, in a line", () => {
  const named = (name: string): string => refusal(new DOMException("", name));
  expect(named("NotAllowedError")).toContain("Allow it in the site’s settings");
  expect(named("NotFoundError")).toContain("connect one");
  expect(named("NotReadableError")).toContain("another program");
  expect(refusal(new Error("no luck"))).toBe("No microphone: no luck.");
  vi.stubGlobal("isSecureContext", false);
  expect(refusal(new Error("x"))).toContain("https");
});

test("loudness is 0 in silence, 1 at full scale, and even in decibels", () => {
  expect(loudness(new Float32Array(100))).toBe(0);
  expect(loudness(new Float32Array(100).fill(1))).toBe(1);
  expect(loudness(new Float32Array(100).fill(0.0316))).toBeCloseTo(0.5, 2);
});
