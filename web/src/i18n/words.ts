import type { en } from './en';

/** The shape of a dictionary: texts may differ, keys and parameters may not. */
type Widened<T> = T extends (...parameters: infer P) => string
  ? (...parameters: P) => string
  : T extends string
    ? string
    : { [K in keyof T]: Widened<T[K]> };

export type Words = Widened<typeof en>;
