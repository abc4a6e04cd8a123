/** Languages the console speaks. */
export type Lang = 'en' | 'zh';

const LOCALES: Record<Lang, string> = { en: 'en-GB', zh: 'zh-CN' };
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** A count with its thousands set apart. */
export function count(value: number, lang: Lang): string {
  return new Intl.NumberFormat(LOCALES[lang]).format(value);
}

/** A number of bytes in binary units. */
export function bytes(value: number): string {
  let [size, unit] = [value, 0];
  while (size >= 1024 && unit < BINARY.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${BINARY[unit]}`;
}

/** An instant on the wall of a zone, by default the reader's own. */
export function instant(ms: number, lang: Lang, zone?: string): string {
  const parts = new Intl.DateTimeFormat('en-CA', {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZone: zone,
  }).formatToParts(ms);
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '';
  const weekday = new Intl.DateTimeFormat(LOCALES[lang], { weekday: 'short', timeZone: zone }).format(ms);
  return `${part('year')}-${part('month')}-${part('day')} ${weekday} ${part('hour')}:${part('minute')}:${part('second')}`;
}

/** How a zone is away from UTC at an instant, such as `UTC+8`. */
export function offset(ms: number, zone?: string): string {
  const parts = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'shortOffset' }).formatToParts(ms);
  const name = parts.find((one) => one.type === 'timeZoneName')?.value ?? 'UTC';
  return name.replace('GMT', 'UTC');
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/** How far an instant is from now, such as `3 hours ago`. */
export function relative(ms: number, nowMs: number, lang: Lang): string {
  const seconds = Math.round((ms - nowMs) / 1000);
  const words = new Intl.RelativeTimeFormat(LOCALES[lang], { numeric: 'auto' });
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return words.format(Math.trunc(seconds / length), unit);
  }
  return words.format(seconds, 'second');
}

const SPANS: [keyof SpanWords, number][] = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
];

/** Units of a span of time, in words. */
export interface SpanWords {
  d: string;
  h: string;
  min: string;
  s: string;
}

const SPAN_WORDS: Record<Lang, SpanWords> = {
  en: { d: 'd', h: 'h', min: 'min', s: 's' },
  zh: { d: '天', h: '小时', min: '分', s: '秒' },
};

/** A span of time in its two largest units, such as `1 h 30 min`. */
export function span(ms: number, lang: Lang): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ${lang === 'zh' ? '毫秒' : 'ms'}`;
  let rest = Math.round(ms / 1000);
  const parts: string[] = [];
  for (const [unit, length] of SPANS) {
    const number = Math.floor(rest / length);
    rest -= number * length;
    if (number > 0) parts.push(`${number} ${SPAN_WORDS[lang][unit]}`);
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** The start of an id: enough to tell it from others, and what the command line takes. */
export function short(id: string): string {
  return id.length > 12 ? id.slice(0, 8) : id;
}
