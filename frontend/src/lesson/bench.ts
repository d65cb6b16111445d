// A lesson: a rule of acceptance is lossless where what is written has the target's distribution. Draw, and test that.

import { button, h } from "../shared/dom";
import { percent, shown } from "../shared/tokens";
import { Distributions } from "./distributions";
import { Numbers } from "./numbers";
import type { BenchData } from "./protocol";
import { mulberry32, RULES, type Draw, type Random, type RuleName } from "./rules";
import { chiSquared, totalVariation } from "./statistics";
import { s, stretched } from "./svg";

const SEED = 8; // its first draws show both an accepted and a rejected token
const SURE = 0.001; // the p-value below which chance does not explain a deviation
const MANY = 1000;
const DRAWN =
  "Drawn in this page, from a fixed seed: after a reset the same draws come again. Any change of rule or bars is a reset.";
const HINT = "Draw 1 tells how a token comes to be written; Draw 1,000 shows the distribution.";

interface Shares {
  readonly p: readonly number[];
  readonly q: readonly number[];
}

/** Distributions to begin with, by name; those of the recording first. */
export function presets({ p, q }: Shares): readonly (readonly [name: string, shares: Shares])[] {
  const least = p.indexOf(Math.min(...p));
  const rest = p.length > 1 ? 0.06 / (p.length - 1) : 0;
  const part = (odd: number): number[] => normalised(p.map((share, i) => (i % 2 === odd ? Math.max(share, 0.02) : 0)));
  const choices: (readonly [string, Shares])[] = [
    ["from the recording", { p, q }],
    ["agree", { p, q: p }],
    ["the draft is sure and wrong", { p, q: p.map((_, i) => (i === least ? 1 - 0.06 : rest)) }],
  ];
  return p.length > 1 ? [...choices, ["disjoint", { p: part(0), q: part(1) }]] : choices;
}

function normalised(shares: readonly number[]): number[] {
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => share / sum);
}

export class Bench {
  readonly element: HTMLElement;
  readonly #tokens: readonly string[];
  readonly #bars: Distributions;
  readonly #rule = h("select", { id: "rule" });
  readonly #preset = h("select", { id: "preset" });
  readonly #says = h("div", { class: "soft" });
  readonly #histogram = h("div", { class: "histogram" });
  readonly #verdict = h("div", { class: "result", "aria-live": "polite" });
  readonly #figures = h("dl", { class: "figures" });
  readonly #words = h("div", { class: "card", "aria-live": "polite" });
  readonly #numbers = new Numbers(["token", "target p", "draft q", "written", "share"]);
  readonly #presets: ReturnType<typeof presets>;
  #shares: Shares;
  #random: Random = mulberry32(SEED);
  #counts: number[] = [];
  #accepted = 0;

  constructor(data: BenchData) {
    this.#tokens = data.tokens;
    this.#presets = presets({ p: normalised(data.p), q: normalised(data.q) });
    this.#shares = { p: normalised(data.p), q: normalised(data.q) };
    this.#bars = new Distributions(data.tokens, (which, shares) => {
      this.#shares = { ...this.#shares, [which]: shares };
      this.#preset.value = "";
      this.#reset();
    });
    this.#rule.append(...Object.entries(RULES).map(([value, { name }]) => h("option", { value }, name)));
    this.#preset.append(...this.#presets.map(([name], i) => h("option", { value: i }, name)));
    this.#preset.append(h("option", { value: "" }, "your own"));
    this.element = this.#layout(data);
    this.#rule.addEventListener("change", () => this.#reset());
    this.#preset.addEventListener("change", () => {
      this.#shares = this.#presets[Number(this.#preset.value)]?.[1] ?? this.#shares;
      this.#reset();
    });
    this.#reset();
  }

  /** Left and right: from bar to bar. */
  key(event: KeyboardEvent): boolean {
    return this.#bars.key(event);
  }

  #layout({ context, tokens }: BenchData): HTMLElement {
    const [single, many, reset] = [button("Draw 1"), button("Draw 1,000"), button("Reset")];
    single.addEventListener("click", () => this.#draw(1));
    many.addEventListener("click", () => this.#draw(MANY));
    reset.addEventListener("click", () => this.#reset());
    many.classList.add("main");
    const names = tokens.map((text) => h("div", { class: "name", title: shown(text) }, shown(text)));
    const hint = h("span", { class: "soft" }, "in %; drag the bars");
    const drawn = h("div", { class: "keys" }, key("written", "written"), key("outline", "the target, p"));
    return h(
      "div",
      { class: "bench", style: `--columns: ${tokens.length}` },
      h(
        "div",
        { class: "bar" },
        h("label", { for: "rule" }, "Rule"),
        this.#rule,
        h("label", { for: "preset" }, "Distributions"),
        this.#preset,
      ),
      this.#says,
      h("div", { class: "context soft" }, `…${context}`, h("span", { class: "caret", "aria-hidden": "true" })),
      h(
        "div",
        { class: "wide" },
        h("div", { class: "keys" }, key("p", "the target, p"), key("q", "the draft, q"), hint),
        this.#bars.element,
        h("div", { class: "names" }, ...names),
        h("div", { class: "bar" }, single, many, reset, drawn),
        this.#histogram,
      ),
      this.#words,
      this.#verdict,
      this.#figures,
      this.#numbers.element,
      h("div", { class: "foot" }, DRAWN),
    );
  }

  #reset(): void {
    this.#random = mulberry32(SEED);
    this.#counts = this.#tokens.map(() => 0);
    this.#accepted = 0;
    this.#words.replaceChildren(h("span", { class: "soft" }, HINT));
    this.#show();
  }

  #draw(count: number): void {
    const rule = RULES[this.#rule.value as RuleName];
    const { p, q } = this.#shares;
    for (let i = 0; i < count; i++) {
      const drawn = rule.draw(p, q, this.#random);
      this.#counts[drawn.written] = (this.#counts[drawn.written] ?? 0) + 1;
      if (drawn.accepted) this.#accepted += 1;
      if (count === 1) this.#words.textContent = explained(this.#rule.value as RuleName, drawn, this.#tokens, this.#shares);
    }
    if (count > 1) this.#words.replaceChildren(h("span", { class: "soft" }, `${count.toLocaleString("en-US")} drawn.`));
    this.#show();
  }

  #show(): void {
    const rule = RULES[this.#rule.value as RuleName];
    const { p, q } = this.#shares;
    const draws = this.#counts.reduce((sum, count) => sum + count, 0);
    const written = this.#counts.map((count) => (draws > 0 ? count / draws : 0));
    this.#says.textContent = rule.says;
    this.#bars.show(this.#shares);
    this.#histogram.replaceChildren(histogram(this.#tokens, written, p));
    const test = chiSquared(this.#counts, p);
    const wrong = test.pValue < SURE;
    this.#verdict.classList.toggle("bad", wrong);
    this.#verdict.textContent = verdict(draws, test);
    const accepted = draws > 0 ? `${percent(this.#accepted / draws)}; ` : "";
    const statistic = Number.isFinite(test.statistic) ? test.statistic.toFixed(1) : "∞";
    const figures = [
      ["Drawn", draws.toLocaleString("en-US")],
      ["Total variation distance from p", draws > 0 ? totalVariation(written, p).toFixed(3) : "–"],
      ["χ²", test.freedom > 0 ? `${statistic}, ${test.freedom} degrees of freedom` : "–"],
      ["Drafts accepted", `${accepted}expected ${percent(rule.acceptance(p, q))} = ${rule.formula}`],
    ] as const;
    const shownFigure = (name: string, value: string): HTMLElement => h("div", {}, h("dt", {}, name), h("dd", { class: "number" }, value));
    this.#figures.replaceChildren(...figures.map(([name, value]) => shownFigure(name, value)));
    this.#fill(written);
  }

  #fill(written: readonly number[]): void {
    const of = (shares: readonly number[], i: number): string => (shares[i] ?? 0).toFixed(3);
    const { p, q } = this.#shares;
    this.#numbers.show(
      this.#tokens.map((text, i) => {
        const count = (this.#counts[i] ?? 0).toLocaleString("en-US");
        return [shown(text), of(p, i), of(q, i), count, of(written, i)];
      }),
    );
  }
}

function key(cls: string, text: string): HTMLElement {
  return h("span", {}, h("i", { class: `swatch ${cls}` }), text);
}

/** What was written, filled, and p as an outline around it. */
function histogram(tokens: readonly string[], written: readonly number[], p: readonly number[]): SVGSVGElement {
  const most = 1.04 * Math.max(0.05, ...written, ...p);
  const bars = tokens.flatMap((_, i) => {
    const rect = (cls: string, share: number, inset: number): SVGRectElement =>
      s("rect", { class: cls, x: i + inset, width: 1 - 2 * inset, y: 1 - share / most, height: share / most });
    return [rect("written", written[i] ?? 0, 0.22), rect("outline", p[i] ?? 0, 0.14)];
  });
  const drawn = stretched(tokens.length, 1, ...bars);
  drawn.removeAttribute("aria-hidden");
  drawn.setAttribute("role", "img");
  const values = tokens.map((text, i) => `${shown(text)} ${percent(written[i] ?? 0)}, ${percent(p[i] ?? 0)}`);
  drawn.setAttribute("aria-label", `Share written beside p: ${values.join("; ")}`);
  return drawn;
}

/** What the test says of the draws. */
export function verdict(draws: number, { freedom, pValue }: { freedom: number; pValue: number }): string {
  if (draws === 0) return "Nothing is drawn yet.";
  if (freedom === 0) return `${draws} drawn: too few to tell.`;
  if (pValue < SURE) return "NOT the target’s distribution: p < 0.001";
  return `Consistent with the target: p-value ${pValue.toFixed(pValue < 0.01 ? 3 : 2)}`;
}

/** How a token came to be written, in words. */
export function explained(name: RuleName, drawn: Draw, tokens: readonly string[], { p, q }: Shares): string {
  const { draft, accepted, written, chance, die, target } = drawn;
  const text = (index: number): string => `“${shown(tokens[index] ?? "")}”`;
  const says = `The draft says ${text(draft)} (q ${(q[draft] ?? 0).toFixed(2)})`;
  if (chance !== undefined && die !== undefined) {
    const from = name === "residual" ? "from p itself" : "from the residual";
    const outcome = accepted ? `accepted: ${text(written)} is written` : `rejected; ${from}: ${text(written)}`;
    const kept = `p is ${(p[draft] ?? 0).toFixed(2)}, so it is kept with probability ${chance.toFixed(2)}`;
    return `${says}; ${kept}; the die says ${die.toFixed(2)}: ${outcome}.`;
  }
  const noise = name === "coupled" ? "with the same noise" : "with noise of its own";
  const instead = name === "coupled" ? `${text(written)} is written` : `a fresh sample of p: ${text(written)}`;
  const outcome = accepted ? "accepted" : `rejected; ${instead}`;
  return `${says}; ${noise} the target says ${text(target ?? written)} (p ${(p[target ?? written] ?? 0).toFixed(2)}): ${outcome}.`;
}
