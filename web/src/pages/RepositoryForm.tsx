import { useMutation } from '@tanstack/react-query';
import { App, Form, Input, InputNumber, Switch } from 'antd';
import { useNavigate, useParams } from 'react-router';
import { api, builtOn, take } from '../api/client';
import { useRefresh, useRepositories } from '../api/queries';
import type { Repository, RepositorySpec } from '../api/types';
import { useWords } from '../i18n';
import { call, init } from '../lib/command';
import { Commands } from '../parts/Commands';
import { FormEnd, linesOf } from '../parts/FormFrame';
import { Head } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { ScheduleFields, type ScheduleFilled, scheduleFilled, scheduleOf } from '../parts/ScheduleFields';
import { Waiting } from '../parts/Waiting';
import Lost from './Lost';

interface Filled {
  name: string;
  location: string;
  password?: string;
  options?: string;
  withGc: boolean;
  gc: ScheduleFilled;
  withCheck: boolean;
  check: ScheduleFilled;
  slices?: number | null;
}

function specOf(filled: Partial<Filled>): RepositorySpec {
  const password = filled.password?.trim();
  const options = linesOf(filled.options);
  return {
    name: filled.name?.trim() ?? '',
    location: filled.location?.trim() ?? '',
    ...(password ? { password } : {}),
    ...(options.length > 0 ? { store_options: options } : {}),
    ...(filled.withGc ? { gc: scheduleOf(filled.gc) } : {}),
    ...(filled.withCheck ? { check: scheduleOf(filled.check) } : {}),
    check_slices: filled.slices ?? 30,
  };
}

/** Names a repository, or changes what is known of one. */
export default function RepositoryForm() {
  const { id } = useParams();
  const repositories = useRepositories();
  if (!id) return <Filling />;
  if (repositories.error) return <Trouble error={repositories.error} />;
  if (!repositories.data) return <Waiting />;
  const repository = repositories.data.find((one) => one.id === id);
  return repository ? <Filling repository={repository} /> : <Lost />;
}

function Filling({ repository }: { repository?: Repository }) {
  const words = useWords();
  const go = useNavigate();
  const refresh = useRefresh();
  const { message } = App.useApp();
  const [form] = Form.useForm<Filled>();
  const filled = (Form.useWatch([], form) ?? {}) as Partial<Filled>;
  const spec = specOf(filled);
  const known = repository?.spec;
  const save = useMutation({
    mutationFn: (body: RepositorySpec) =>
      repository
        ? take(api.PUT('/api/v1/repositories/{id}', { params: { path: { id: repository.id }, header: builtOn(repository.revision) }, body }))
        : take(api.POST('/api/v1/repositories', { body })),
    onSuccess: async (kept) => {
      await refresh('repositories');
      message.success(words.common.saved);
      await go(`/storage/${kept.id}`, { replace: true });
    },
  });
  const required = [{ required: true, message: words.common.required }];
  const initial: Partial<Filled> = {
    ...(known ? { name: known.name, location: known.location, password: known.password ?? undefined } : {}),
    options: known?.store_options?.join('\n'),
    withGc: known ? Boolean(known.gc) : true,
    gc: known?.gc ? scheduleFilled(known.gc) : { ...scheduleFilled(null), cron: '0 5 * * 0' },
    withCheck: known ? Boolean(known.check) : true,
    check: known?.check ? scheduleFilled(known.check) : { ...scheduleFilled(null), cron: '0 4 * * *' },
    slices: known?.check_slices ?? 30,
  };
  return (
    <>
      <Head title={known ? words.storage.edit(known.name) : words.storage.add} up={{ to: '/storage', text: words.storage.title }} />
      <div className="form">
        <Trouble error={save.error} />
        <Form<Filled> form={form} layout="vertical" initialValues={initial} onFinish={(values) => save.mutate(specOf(values))}>
          <fieldset>
            <legend>{words.storage.title}</legend>
            <Form.Item name="location" label={words.common.location} extra={words.storage.locationHelp} rules={required}>
              <Input className="mono" placeholder="/backup/repo" autoComplete="off" />
            </Form.Item>
            <Form.Item name="name" label={words.common.name} rules={required}>
              <Input autoComplete="off" />
            </Form.Item>
            <Form.Item name="password" label={words.common.password} extra={words.storage.passwordHelp}>
              <Input className="mono" placeholder="file:/etc/datakeep/password" autoComplete="off" />
            </Form.Item>
            <Form.Item name="options" label={`${words.storage.options} (${words.common.optional})`} extra={words.storage.optionsHelp}>
              <Input.TextArea className="mono" rows={2} placeholder="endpoint=https://s3.example.org" />
            </Form.Item>
          </fieldset>
          <fieldset>
            <legend>{words.storage.check}</legend>
            <Form.Item name="slices" label={words.storage.slices} extra={words.storage.slicesHelp}>
              <InputNumber min={1} max={365} />
            </Form.Item>
            <Form.Item name="withCheck" label={words.storage.plan} valuePropName="checked">
              <Switch />
            </Form.Item>
            {filled.withCheck && <ScheduleFields at="check" />}
          </fieldset>
          <fieldset>
            <legend>{words.storage.gc}</legend>
            <Form.Item name="withGc" label={words.storage.plan} valuePropName="checked">
              <Switch />
            </Form.Item>
            {filled.withGc && <ScheduleFields at="gc" />}
          </fieldset>
          <FormEnd isBusy={save.isPending} />
        </Form>
        <Commands cli={init(spec)} api={repository ? call('PUT', `/repositories/${repository.id}`, spec, repository.revision) : call('POST', '/repositories', spec)} />
      </div>
    </>
  );
}
