import { expect, test } from "vitest";

import { summary, won } from "../../src/player/trace";
import type { Round } from "../../src/shared/protocol";

const ROUND = { accepted: 1, proposed: 2, tokens: [{ verdict: "a" }, { verdict: "r" }, { verdict: "t" }] } as unknown as Round; // prettier-ignore

test("rejected tokens are not won", () => {
  expect(won(ROUND)).toBe(2);
});

test("the totals of a trace", () => {
  expect(summary([ROUND, ROUND])).toBe("4 tokens in 2 passes of the target, 50 % of 4 drafted tokens accepted");
  const alone = { ...ROUND, accepted: 0, proposed: 0, tokens: [{ verdict: "t" }] } as unknown as Round;
  expect(summary([alone])).toBe("1 token in 1 pass of the target");
});
