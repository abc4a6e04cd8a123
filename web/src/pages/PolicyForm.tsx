import { useMutation } from '@tanstack/react-query';
import { App, Form, Input, InputNumber, Select, Switch } from 'antd';
import { useNavigate, useParams, useSearchParams } from 'react-router';
import { api, builtOn, take } from '../api/client';
import { usePolicies, useRefresh, useRepositories, useSources } from '../api/queries';
import type { Policy, PolicySpec, Repository, Retention, Source } from '../api/types';
import { useWords } from '../i18n';
import { byHand, call } from '../lib/command';
import { Commands } from '../parts/Commands';
import { FormEnd } from '../parts/FormFrame';
import { Head } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { ScheduleFields, type ScheduleFilled, scheduleFilled, scheduleOf } from '../parts/ScheduleFields';
import { Waiting } from '../parts/Waiting';
import Lost from './Lost';

const COUNTS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly', 'at_least'] as const;
const UNITS = { h: 3600, d: 86_400 } as const;

interface Filled {
  name: string;
  sources: string[];
  repository: string;
  enabled: boolean;
  withSchedule: boolean;
  schedule: ScheduleFilled;
  age?: number | null;
  ageUnit: keyof typeof UNITS;
  withRetention: boolean;
  retention: Partial<Record<(typeof COUNTS)[number], number | null>> & { within?: string; tags?: string[] };
}

function retentionOf(filled: Filled['retention'] | undefined): Retention {
  const of = (rule: (typeof COUNTS)[number]) => filled?.[rule] ?? 0;
  return {
    last: of('last'),
    hourly: of('hourly'),
    daily: of('daily'),
    weekly: of('weekly'),
    monthly: of('monthly'),
    yearly: of('yearly'),
    at_least: of('at_least'),
    within: filled?.within?.trim() || null,
    tags: filled?.tags ?? [],
  };
}

function specOf(filled: Partial<Filled>): PolicySpec {
  return {
    name: filled.name?.trim() ?? '',
    repository: filled.repository ?? '',
    sources: filled.sources ?? [],
    enabled: filled.enabled ?? true,
    ...(filled.withSchedule ? { schedule: scheduleOf(filled.schedule) } : {}),
    ...(filled.age ? { rpo_s: Math.round(filled.age * UNITS[filled.ageUnit ?? 'h']) } : {}),
    ...(filled.withRetention ? { retention: retentionOf(filled.retention) } : {}),
  };
}

function filledOf(spec: PolicySpec): Filled {
  const { rpo_s } = spec;
  const ageUnit = rpo_s && rpo_s % UNITS.d === 0 ? 'd' : 'h';
  return {
    name: spec.name,
    sources: spec.sources,
    repository: spec.repository,
    enabled: spec.enabled ?? true,
    withSchedule: Boolean(spec.schedule),
    schedule: scheduleFilled(spec.schedule),
    age: rpo_s ? rpo_s / UNITS[ageUnit] : null,
    ageUnit,
    withRetention: Boolean(spec.retention),
    retention: { ...spec.retention, within: spec.retention?.within ?? undefined },
  };
}

/** Makes a policy, or changes one. */
export default function PolicyForm() {
  const { id } = useParams();
  const [policies, sources, repositories] = [usePolicies(), useSources(), useRepositories()];
  const error = policies.error ?? sources.error ?? repositories.error;
  if (error) return <Trouble error={error} />;
  if (!policies.data || !sources.data || !repositories.data) return <Waiting />;
  const policy = policies.data.find((one) => one.id === id);
  if (id && !policy) return <Lost />;
  return <Filling policy={policy} sources={sources.data} repositories={repositories.data} />;
}

function Filling({ policy, sources, repositories }: { policy?: Policy; sources: Source[]; repositories: Repository[] }) {
  const words = useWords();
  const go = useNavigate();
  const refresh = useRefresh();
  const { message } = App.useApp();
  const [asked] = useSearchParams();
  const [form] = Form.useForm<Filled>();
  const filled = (Form.useWatch([], form) ?? {}) as Partial<Filled>;
  const spec = specOf(filled);
  const save = useMutation({
    mutationFn: (body: PolicySpec) =>
      policy
        ? take(api.PUT('/api/v1/policies/{id}', { params: { path: { id: policy.id }, header: builtOn(policy.revision) }, body }))
        : take(api.POST('/api/v1/policies', { body })),
    onSuccess: async (kept) => {
      await refresh('policies', 'overdue');
      message.success(words.common.saved);
      await go(`/policies/${kept.id}`, { replace: true });
    },
  });
  const fresh: Filled = {
    name: '',
    sources: [asked.get('source')].filter((one): one is string => one !== null),
    repository: repositories.length === 1 ? (repositories[0]?.id ?? '') : '',
    enabled: true,
    withSchedule: true,
    schedule: scheduleFilled(null),
    age: 26,
    ageUnit: 'h',
    withRetention: true,
    retention: { daily: 7, weekly: 5, monthly: 12 },
  };
  if (!fresh.repository) delete (fresh as Partial<Filled>).repository;
  const required = [{ required: true, message: words.common.required }];
  const chosen = sources.filter((source) => spec.sources.includes(source.id)).map((source) => source.spec);
  return (
    <>
      <Head title={policy ? words.policies.edit(policy.spec.name) : words.policies.add} up={{ to: '/policies', text: words.policies.title }} />
      <div className="form">
        <Trouble error={save.error} />
        <Form<Filled> form={form} layout="vertical" initialValues={policy ? filledOf(policy.spec) : fresh} onFinish={(values) => save.mutate(specOf(values))}>
          <fieldset>
            <legend>{words.policies.parts.what}</legend>
            <Form.Item name="name" label={words.common.name} rules={required}>
              <Input autoComplete="off" />
            </Form.Item>
            <Form.Item name="sources" label={words.policies.sources} rules={required}>
              <Select mode="multiple" showSearch={{ optionFilterProp: 'label' }} options={sources.map((one) => ({ value: one.id, label: one.spec.name }))} />
            </Form.Item>
            <Form.Item name="repository" label={words.policies.repository} rules={required}>
              <Select showSearch={{ optionFilterProp: 'label' }} options={repositories.map((one) => ({ value: one.id, label: one.spec.name }))} />
            </Form.Item>
            <Form.Item name="enabled" label={words.policies.enabled} extra={words.policies.enabledHelp} valuePropName="checked">
              <Switch />
            </Form.Item>
          </fieldset>
          <fieldset>
            <legend>{words.policies.parts.when}</legend>
            <Form.Item name="withSchedule" label={words.policies.withSchedule} valuePropName="checked">
              <Switch />
            </Form.Item>
            {filled.withSchedule !== false && <ScheduleFields at="schedule" />}
          </fieldset>
          <fieldset>
            <legend>{words.policies.parts.how}</legend>
            <div className="row">
              <Form.Item name="age" label={words.policies.rpo} extra={words.policies.rpoHelp}>
                <InputNumber min={0.1} />
              </Form.Item>
              <Form.Item name="ageUnit" label={words.policies.units.unit}>
                <Select options={(['h', 'd'] as const).map((unit) => ({ value: unit, label: words.policies.units[unit] }))} />
              </Form.Item>
            </div>
            <Form.Item name="withRetention" label={words.policies.withRetention} extra={words.policies.retentionHelp} valuePropName="checked">
              <Switch />
            </Form.Item>
            {filled.withRetention !== false && (
              <>
                <div className="row">
                  {COUNTS.map((rule) => (
                    <Form.Item key={rule} name={['retention', rule]} label={words.policies.rules[rule]}>
                      <InputNumber min={0} max={100_000} />
                    </Form.Item>
                  ))}
                </div>
                <div className="row">
                  <Form.Item name={['retention', 'within']} label={`${words.policies.within} (${words.common.optional})`} extra={words.policies.withinHelp}>
                    <Input className="mono" autoComplete="off" />
                  </Form.Item>
                  <Form.Item name={['retention', 'tags']} label={`${words.policies.tags} (${words.common.optional})`}>
                    <Select mode="tags" open={false} suffixIcon={null} />
                  </Form.Item>
                </div>
              </>
            )}
          </fieldset>
          <FormEnd isBusy={save.isPending} />
        </Form>
        <Commands cli={byHand(spec, chosen) || undefined} api={policy ? call('PUT', `/policies/${policy.id}`, spec, policy.revision) : call('POST', '/policies', spec)} />
      </div>
    </>
  );
}
