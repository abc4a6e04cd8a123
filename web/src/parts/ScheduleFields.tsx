import { Form, Input, InputNumber, Select, Switch } from 'antd';
import type { Schedule } from '../api/types';
import { useWords } from '../i18n';
import { ownZone, zones } from '../lib/cron';
import { SchedulePreview } from './SchedulePreview';

/** A schedule as a form holds it. */
export interface ScheduleFilled {
  cron?: string;
  zone?: string;
  jitter_s?: number | null;
  window_s?: number | null;
  catch_up?: boolean;
}

const PRESETS = { nightly: '0 2 * * *', hourly: '0 * * * *', workdays: '0 20 * * 1-5', weekly: '0 3 * * 0' } as const;

/** A schedule from a form. */
export function scheduleOf(filled: ScheduleFilled | undefined): Schedule {
  return {
    cron: filled?.cron?.trim() ?? '',
    zone: filled?.zone ?? 'UTC',
    jitter_s: filled?.jitter_s ?? 0,
    ...(filled?.window_s ? { window_s: filled.window_s } : {}),
    catch_up: filled?.catch_up ?? true,
  };
}

/** What a form begins with: nightly, on the wall of the reader's zone. */
export function scheduleFilled(schedule: Schedule | null | undefined): ScheduleFilled {
  return schedule ?? { cron: PRESETS.nightly, zone: ownZone(), jitter_s: 600, catch_up: true };
}

/** The fields of a schedule below the name `at`, with a preview. */
export function ScheduleFields({ at }: { at: string }) {
  const words = useWords();
  const form = Form.useFormInstance();
  const filled = (Form.useWatch([at], form) ?? {}) as ScheduleFilled;
  const preset = (Object.keys(PRESETS) as (keyof typeof PRESETS)[]).find((one) => PRESETS[one] === filled.cron) ?? 'custom';
  const choose = (one: string) => {
    const cron = PRESETS[one as keyof typeof PRESETS];
    if (cron) form.setFieldValue([at, 'cron'], cron);
  };
  return (
    <>
      <div className="row">
        <Form.Item label={words.policies.schedule}>
          <Select
            aria-label={words.policies.schedule}
            value={preset}
            onChange={choose}
            options={[...Object.keys(PRESETS), 'custom'].map((one) => ({ value: one, label: words.policies.presets[one as keyof typeof words.policies.presets], disabled: one === 'custom' && preset !== 'custom' }))}
          />
        </Form.Item>
        <Form.Item name={[at, 'cron']} label={words.policies.cron} extra={words.policies.cronHelp} rules={[{ required: true, message: words.common.required }]}>
          <Input className="mono" autoComplete="off" />
        </Form.Item>
        <Form.Item name={[at, 'zone']} label={words.policies.zone} rules={[{ required: true, message: words.common.required }]}>
          <Select showSearch options={zones().map((zone) => ({ value: zone, label: zone }))} />
        </Form.Item>
      </div>
      <SchedulePreview cron={filled.cron ?? ''} zone={filled.zone ?? ''} />
      <div className="row">
        <Form.Item name={[at, 'jitter_s']} label={words.policies.jitter}>
          <InputNumber min={0} max={21600} />
        </Form.Item>
        <Form.Item name={[at, 'window_s']} label={`${words.policies.window} (${words.common.optional})`}>
          <InputNumber min={1} />
        </Form.Item>
        <Form.Item name={[at, 'catch_up']} label={words.policies.catchUp} valuePropName="checked">
          <Switch />
        </Form.Item>
      </div>
    </>
  );
}
