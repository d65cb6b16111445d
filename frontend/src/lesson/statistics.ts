// How far counts are from a distribution, and whether chance explains it.

const LEAST = 5; // expected draws in a cell, below which cells are pooled (Cochran 1954)

/** Total variation distance: half of the sum of the differences. */
export function totalVariation(p: readonly number[], q: readonly number[]): number {
  return p.reduce((sum, share, i) => sum + Math.abs(share - (q[i] ?? 0)), 0) / 2;
}

export interface ChiSquared {
  readonly statistic: number;
  /** Degrees of freedom; 0 where there are too few draws to tell. */
  readonly freedom: number;
  /** The chance of a statistic as large as this, or larger, where the counts were drawn from the distribution. */
  readonly pValue: number;
}

/** Pearson's test of counts against probabilities; cells of which little is expected are pooled. */
export function chiSquared(counts: readonly number[], probabilities: readonly number[]): ChiSquared {
  const draws = counts.reduce((sum, count) => sum + count, 0);
  const cells: [count: number, expected: number][] = [];
  let [count, expected] = [0, 0];
  for (const [i, probability] of probabilities.entries()) {
    const seen = counts[i] ?? 0;
    if (probability === 0 && seen > 0) return { statistic: Infinity, freedom: 1, pValue: 0 }; // it cannot be
    if (draws * probability >= LEAST) cells.push([seen, draws * probability]);
    else [count, expected] = [count + seen, expected + draws * probability];
  }
  const last = cells.at(-1);
  if (expected >= LEAST) cells.push([count, expected]);
  else if (last !== undefined) cells[cells.length - 1] = [last[0] + count, last[1] + expected];
  if (cells.length < 2) return { statistic: 0, freedom: 0, pValue: 1 };
  const statistic = cells.reduce((sum, [seen, mean]) => sum + (seen - mean) ** 2 / mean, 0);
  const freedom = cells.length - 1;
  return { statistic, freedom, pValue: upperGamma(freedom / 2, statistic / 2) };
}

/** The regularised upper incomplete gamma function Q(a, x) (Numerical Recipes, 6.2): a series, or a continued fraction. */
export function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  return x < a + 1 ? Math.max(0, 1 - front * series(a, x)) : front * fraction(a, x);
}

/** γ(a, x) / (x^a e^−x). */
function series(a: number, x: number): number {
  let [term, sum] = [1 / a, 1 / a];
  for (let n = 1; n < 1000 && term > sum * 1e-15; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/** Γ(a, x) / (x^a e^−x), by Lentz's method. */
function fraction(a: number, x: number): number {
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let value = d;
  for (let n = 1; n < 1000; n++) {
    const factor = -n * (n - a);
    b += 2;
    d = 1 / (factor * d + b || tiny);
    c = b + factor / c || tiny;
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return value;
}

const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]; // prettier-ignore

/** log Γ(x) for x of at least 1/2 (Lanczos, g = 7). */
function logGamma(x: number): number {
  const at = x - 1;
  const sum = LANCZOS.reduce((total, factor, i) => total + factor / (at + i + 1), 0.99999999999980993);
  const t = at + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (at + 0.5) * Math.log(t) - t + Math.log(sum);
}
