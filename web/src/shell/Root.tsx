import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { App as Antd, ConfigProvider } from 'antd';
import type { Locale } from 'antd/es/locale';
import { useEffect, useLayoutEffect, useMemo, useState } from 'react';
import { RouterProvider } from 'react-router';
import { whenSignedOut } from '../api/client';
import { ProblemError } from '../api/problem';
import { firstLang, keepLang, Speaking, type Words, wordsOf } from '../i18n';
import type { Lang } from '../lib/format';
import { firstMode, keepMode, look, type Mode } from './look';
import { router } from './routes';
import { type Choices, ChoicesContext } from './settings';

// A problem that the server words is not cured by asking again; a network that hiccups is.
const client = new QueryClient({
  defaultOptions: { queries: { retry: (times, error) => !(error instanceof ProblemError) && times < 2, staleTime: 2000 } },
});
whenSignedOut(() => client.setQueryData(['session'], null));

async function localeOf(lang: Lang): Promise<Locale> {
  return lang === 'zh' ? (await import('antd/es/locale/zh_CN')).default : (await import('antd/es/locale/en_GB')).default;
}

function useSystemDark(): boolean {
  const query = useMemo(() => window.matchMedia('(prefers-color-scheme: dark)'), []);
  const [isDark, setIsDark] = useState(query.matches);
  useEffect(() => {
    const hear = () => setIsDark(query.matches);
    query.addEventListener('change', hear);
    return () => query.removeEventListener('change', hear);
  }, [query]);
  return isDark;
}

/** The application: language, appearance, data, routes. */
export function Root({ nonce }: { nonce: string | undefined }) {
  const [lang, setLang] = useState<Lang>(firstLang);
  const [spoken, setSpoken] = useState<{ words: Words; locale: Locale; lang: Lang } | null>(null);
  const [mode, setMode] = useState<Mode>(firstMode);
  const isSystemDark = useSystemDark();
  const isDark = mode === 'dark' || (mode === 'system' && isSystemDark);
  useEffect(() => {
    let isWanted = true;
    void Promise.all([wordsOf(lang), localeOf(lang)]).then(([words, locale]) => {
      if (isWanted) setSpoken({ words, locale, lang });
      document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
    });
    return () => {
      isWanted = false;
    };
  }, [lang]);
  // Before anything is drawn that reads the colours of the page.
  useLayoutEffect(() => {
    document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
  }, [isDark]);
  const choices: Choices = useMemo(
    () => ({
      lang,
      mode,
      isDark,
      setLang: (next) => {
        keepLang(next);
        setLang(next);
      },
      setMode: (next) => {
        keepMode(next);
        setMode(next);
      },
    }),
    [lang, mode, isDark],
  );
  if (!spoken) return null;
  return (
    <ConfigProvider theme={look(isDark)} locale={spoken.locale} csp={nonce ? { nonce } : undefined} button={{ autoInsertSpace: false }}>
      <ChoicesContext value={choices}>
        <Speaking words={spoken.words} lang={spoken.lang}>
          <QueryClientProvider client={client}>
            <Antd>
              <RouterProvider router={router} />
            </Antd>
          </QueryClientProvider>
        </Speaking>
      </ChoicesContext>
    </ConfigProvider>
  );
}
