import { createContext, useContext } from 'react';
import type { Lang } from '../lib/format';
import type { Mode } from './look';

/** What a reader chooses for himself. */
export interface Choices {
  lang: Lang;
  mode: Mode;
  isDark: boolean;
  setLang: (lang: Lang) => void;
  setMode: (mode: Mode) => void;
}

export const ChoicesContext = createContext<Choices | null>(null);

/** The choices in force, and how to change them. */
export function useChoices(): Choices {
  const value = useContext(ChoicesContext);
  if (!value) throw new Error('the choices are missing');
  return value;
}
