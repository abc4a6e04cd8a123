import { BarChart, LineChart } from 'echarts/charts';
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from 'echarts/components';
import { type ComposeOption, init, use as install } from 'echarts/core';
import type { BarSeriesOption, LineSeriesOption } from 'echarts/charts';
import type { AriaComponentOption, GridComponentOption, LegendComponentOption, TooltipComponentOption } from 'echarts/components';
import { CanvasRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'react';

install([BarChart, LineChart, AriaComponent, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

export type Option = ComposeOption<
  BarSeriesOption | LineSeriesOption | AriaComponentOption | GridComponentOption | LegendComponentOption | TooltipComponentOption
>;

/** The value of a colour of the page. */
function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export interface ChartProps {
  label: string;
  /** Made with the colours of the page, anew when the appearance changes. */
  option: (colour: (name: string) => string) => Option;
  isDark: boolean;
}

/** A chart. Its tips are drawn, not written into the page, since the page takes no styles from elsewhere. */
export default function Chart({ label, option, isDark }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!place.current) return undefined;
    const chart = init(place.current, undefined, { renderer: 'canvas' });
    const made = option(colour);
    const text = { color: colour('ink-soft') };
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, ...text },
      aria: { enabled: false },
      grid: { left: 8, right: 8, top: 12, bottom: 28, containLabel: true },
      ...made,
      legend: { bottom: 0, itemHeight: 10, textStyle: text, ...(made.legend as object) },
      tooltip: {
        trigger: 'axis',
        renderMode: 'richText',
        backgroundColor: colour('sheet'),
        borderColor: colour('line'),
        textStyle: { color: colour('ink') },
        ...(made.tooltip as object),
      },
    });
    const watch = new ResizeObserver(() => chart.resize());
    watch.observe(place.current);
    return () => {
      watch.disconnect();
      chart.dispose();
    };
    // `isDark` changes the colours that are read here.
  }, [option, isDark]);
  return <div className="chart" ref={place} role="img" aria-label={label} />;
}
