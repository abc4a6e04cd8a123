import { lazy, Suspense } from 'react';
import { useChoices } from '../shell/settings';
import type { ChartProps } from './Chart';

const Chart = lazy(() => import('./Chart'));

/** A chart, whose library is loaded where one is shown. */
export function LazyChart(props: Omit<ChartProps, 'isDark'>) {
  const { isDark } = useChoices();
  return (
    <Suspense fallback={<div className="chart" />}>
      <Chart {...props} isDark={isDark} />
    </Suspense>
  );
}
