// Numbers and verdicts in words. As in ltw/infer/wording.py, no rounded score seems to cross a threshold.
export const WORDS = { fake: "Looks forged", unclear: "Unclear", real: "No sign of forgery", "no-face": "No face found", error: "Error" };

export function percent(p, digits = 0) {
  const text = (100 * p).toFixed(digits);
  if (p > 0 && Number(text) === 0) return `< ${(10 ** -digits).toFixed(digits)}%`;
  if (p < 1 && Number(text) === 100) return `> ${(100 - 10 ** -digits).toFixed(digits)}%`;
  return `${text}%`;
}

// The same within a sentence.
export function inWords(p, digits) {
  return percent(p, digits).replace("< ", "less than ").replace("> ", "more than ");
}

// Decimals of a file's percentages.
export function decimals({ people, threshold, real_below: low }) {
  const pairs = people.flatMap(({ p_fake: p }) => [threshold, low].map((bound) => [100 * p, 100 * bound])).filter(([p, bound]) => p !== bound);
  let digits = 0;
  while (digits < 16 && pairs.some(([p, bound]) => p.toFixed(digits) === bound.toFixed(digits))) digits++;
  return digits;
}

export function clock(seconds) {
  const tenths = Math.round(10 * seconds);
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
}
