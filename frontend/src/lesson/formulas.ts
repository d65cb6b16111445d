// The lab's formulas beside their numbers.

import { h } from "../shared/dom";
import { expectedTokens, speedup, type Costs } from "./speculation";

/** An equation, drawn for the eye and spelled out for the ear. */
function equation(spoken: string, ...parts: (Node | string)[]): HTMLElement {
  return h("div", { class: "equation", role: "math", "aria-label": spoken }, h("span", { "aria-hidden": "true" }, ...parts));
}

function fraction(over: (Node | string)[], under: (Node | string)[]): HTMLElement {
  return h("span", { class: "fraction" }, h("span", {}, ...over), h("span", {}, ...under));
}

function variable(name: string, lower = ""): HTMLElement {
  return h("span", {}, h("i", {}, name), ...(lower === "" ? [] : [h("sub", {}, lower)]));
}

/** Tokens a round (eq. 1), with its numbers. */
export function tokensFormula(a: number, k: number): HTMLElement {
  const value = expectedTokens(a, k).toFixed(2);
  const [name, shown] = [variable("E"), a.toFixed(2)];
  if (a >= 1) {
    const spoken = `E = k + 1 = ${value} tokens a round`;
    return equation(spoken, name, " = ", variable("k"), " + 1 = ", h("b", {}, value), " tokens a round");
  }
  return equation(
    `E = (1 − a^(k+1)) / (1 − a) = (1 − ${shown}^${k + 1}) / (1 − ${shown}) = ${value} tokens a round`,
    name,
    " = ",
    fraction(["1 − ", variable("a"), h("sup", {}, h("i", {}, "k"), "+1")], ["1 − ", variable("a")]),
    " = ",
    fraction([`1 − ${shown}`, h("sup", {}, String(k + 1))], [`1 − ${shown}`]),
    " = ",
    h("b", {}, value),
    " tokens a round",
  );
}

/** The speed-up with its numbers; `computed`: by a machine's times, else by the ratio that was measured. */
export function speedupFormula(a: number, k: number, costs: Costs, computed: boolean): HTMLElement {
  const [tokens, value] = [expectedTokens(a, k).toFixed(2), speedup(a, k, costs).toFixed(2)];
  if (!computed) {
    const [ratio, pass] = [costs.draft.toFixed(2), costs.target(k + 1).toFixed(2)];
    return equation(
      `S = E / (k c + v) = ${tokens} / (${k} · ${ratio} + ${pass}) = ${value} times as fast`,
      variable("S"),
      " = ",
      fraction([variable("E")], [variable("k"), " ", variable("c"), " + ", variable("v")]),
      " = ",
      fraction([tokens], [`${k} · ${ratio} + ${pass}`]),
      " = ",
      h("b", {}, value),
      " times as fast",
    );
  }
  const [single, draft, verify] = [costs.target(1), costs.draft, costs.target(k + 1)].map(duration) as [string, string, string];
  return equation(
    `S = E T_target(1) / (k T_draft + T_target(k + 1)) = ${tokens} · ${single} / (${k} · ${draft} + ${verify}) = ${value} times as fast`,
    variable("S"),
    " = ",
    fraction(
      [variable("E"), " ", variable("T", "target"), "(1)"],
      [variable("k"), " ", variable("T", "draft"), " + ", variable("T", "target"), "(", variable("k"), "+1)"],
    ),
    " = ",
    fraction([`${tokens} · ${single}`], [`${k} · ${draft} + ${verify}`]),
    " = ",
    h("b", {}, value),
    " times as fast",
  );
}

/** Seconds as milliseconds, or microseconds where those say more. */
function duration(seconds: number): string {
  return seconds >= 1e-3 ? `${(1e3 * seconds).toPrecision(3)} ms` : `${(1e6 * seconds).toPrecision(3)} µs`;
}
