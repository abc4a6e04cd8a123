import { createContext, type ReactNode, useContext } from 'react';
import type { Lang } from '../lib/format';
import type { Words } from './words';

export type { Words } from './words';

const Context = createContext<{ words: Words; lang: Lang } | null>(null);

/** Gives the dictionary to everything inside. */
export function Speaking({ words, lang, children }: { words: Words; lang: Lang; children: ReactNode }) {
  return <Context value={{ words, lang }}>{children}</Context>;
}

function speaking() {
  const value = useContext(Context);
  if (!value) throw new Error('nobody speaks here: Speaking is missing');
  return value;
}

/** The dictionary in use. */
export function useWords(): Words {
  return speaking().words;
}

/** The language in use. */
export function useLang(): Lang {
  return speaking().lang;
}

/** A word for a key that the server names: what it may add later is shown as it is sent. */
export function worded<T extends object>(table: T, key: string): string {
  const found = (table as Record<string, unknown>)[key];
  return typeof found === 'string' && found !== '' ? found : key;
}

const LANG_KEY = 'datakeep.language';

/** The language that was chosen, else the browser's. */
export function firstLang(): Lang {
  const chosen = localStorage.getItem(LANG_KEY);
  if (chosen === 'en' || chosen === 'zh') return chosen;
  const known = navigator.languages.find((name) => /^(zh|en)\b/i.test(name)) ?? 'en';
  return /^zh/i.test(known) ? 'zh' : 'en';
}

/** Remembers the choice in this browser. */
export function keepLang(lang: Lang): void {
  localStorage.setItem(LANG_KEY, lang);
}

/** Loads the dictionary of a language. */
export async function wordsOf(lang: Lang): Promise<Words> {
  return lang === 'zh' ? (await import('./zh')).zh : (await import('./en')).en;
}
