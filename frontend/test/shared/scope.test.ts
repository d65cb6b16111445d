import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Scope } from "../../src/shared/scope";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("what was added last ends first, and once", () => {
  const [scope, ends] = [new Scope(), [] as string[]];
  scope.add(() => ends.push("first"));
  scope.add(() => ends.push("second"));
  expect(scope.disposed).toBe(false);
  scope.dispose();
  scope.dispose();
  expect(scope.disposed).toBe(true);
  expect(ends).toEqual(["second", "first"]);
});

test("what is ended earlier is not ended again", () => {
  const [scope, end] = [new Scope(), vi.fn()];
  const earlier = scope.add(end);
  earlier();
  earlier();
  scope.dispose();
  expect(end).toHaveBeenCalledOnce();
});

test("what comes too late ends at once", () => {
  const [scope, end] = [new Scope(), vi.fn()];
  scope.dispose();
  scope.add(end);
  expect(end).toHaveBeenCalledOnce();
});

test("events are heard until then", () => {
  const [scope, act] = [new Scope(), vi.fn()];
  scope.listen(window, "keydown", act, { capture: true });
  window.dispatchEvent(new KeyboardEvent("keydown"));
  scope.dispose();
  window.dispatchEvent(new KeyboardEvent("keydown"));
  expect(act).toHaveBeenCalledOnce();
});

test("a timeout fires once, or never where the scope ends before it", () => {
  const [scope, act, late] = [new Scope(), vi.fn(), vi.fn()];
  scope.timeout(act, 10);
  const cancel = scope.timeout(late, 20);
  vi.advanceTimersByTime(15);
  cancel();
  scope.timeout(late, 20);
  scope.dispose();
  vi.advanceTimersByTime(100);
  expect([act.mock.calls.length, late.mock.calls.length]).toEqual([1, 0]);
});

test("a size is observed until then", () => {
  const [observe, disconnect] = [vi.fn(), vi.fn()];
  vi.stubGlobal("ResizeObserver", class { observe = observe; disconnect = disconnect; }); // prettier-ignore
  const [scope, element] = [new Scope(), document.createElement("div")];
  scope.resized(element, () => undefined);
  expect([observe.mock.calls, disconnect.mock.calls.length]).toEqual([[[element]], 0]);
  scope.dispose();
  expect(disconnect).toHaveBeenCalledOnce();
  vi.unstubAllGlobals();
});
