import { expect, test } from 'vitest';
import { en } from './en';
import { zh } from './zh';

/** All texts with their place; functions are asked with sample parameters. */
function texts(value: unknown, place: string): [string, string][] {
  if (typeof value === 'string') return [[place, value]];
  if (typeof value === 'function') return [[place, (value as (...parameters: unknown[]) => string)(2, 'B')]];
  return Object.entries(value as object).flatMap(([key, inner]) => texts(inner, `${place}.${key}`));
}

test('both languages have the same keys, and none is empty', () => {
  const [english, chinese] = [texts(en, ''), texts(zh, '')];
  expect(chinese.map(([place]) => place)).toEqual(english.map(([place]) => place));
  const empty = [...english, ...chinese].filter(([place, text]) => text === '' && place !== '.runs.codes.ok');
  expect(empty).toEqual([]);
});

test('what is Chinese is Chinese', () => {
  const names = /^(Datakeep|SQLite|PostgreSQL|)$/;
  const untranslated = texts(zh, '').filter(([, text]) => !names.test(text) && !/\p{Script=Han}/u.test(text));
  expect(untranslated).toEqual([]);
  expect(texts(en, '').filter(([, text]) => /\p{Script=Han}/u.test(text))).toEqual([]);
});
