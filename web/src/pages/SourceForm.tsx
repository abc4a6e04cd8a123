import { useMutation } from '@tanstack/react-query';
import { App, Form, Input } from 'antd';
import { useNavigate, useParams } from 'react-router';
import { api, builtOn, take } from '../api/client';
import { useRefresh, useSources } from '../api/queries';
import type { Source, SourceSpec } from '../api/types';
import { useWords } from '../i18n';
import { backup, call } from '../lib/command';
import { Commands } from '../parts/Commands';
import { FormEnd, linesOf } from '../parts/FormFrame';
import { Head } from '../parts/Page';
import { Trouble } from '../parts/ProblemBox';
import { Waiting } from '../parts/Waiting';
import Lost from './Lost';

interface Filled {
  name: string;
  location: string;
  password?: string;
  exclude?: string;
}

function specOf(filled: Partial<Filled>): SourceSpec {
  const password = filled.password?.trim();
  return {
    name: filled.name?.trim() ?? '',
    location: filled.location?.trim() ?? '',
    ...(password ? { password } : {}),
    ...(linesOf(filled.exclude).length > 0 ? { exclude: linesOf(filled.exclude) } : {}),
  };
}

/** Adds a source, or changes one. */
export default function SourceForm() {
  const { id } = useParams();
  const sources = useSources();
  if (!id) return <Filling />;
  if (sources.error) return <Trouble error={sources.error} />;
  if (!sources.data) return <Waiting />;
  const source = sources.data.find((one) => one.id === id);
  return source ? <Filling source={source} /> : <Lost />;
}

function Filling({ source }: { source?: Source }) {
  const words = useWords();
  const go = useNavigate();
  const refresh = useRefresh();
  const { message } = App.useApp();
  const [form] = Form.useForm<Filled>();
  const filled = Form.useWatch([], form) ?? {};
  const spec = specOf(filled);
  const save = useMutation({
    mutationFn: (body: SourceSpec) =>
      source
        ? take(api.PUT('/api/v1/sources/{id}', { params: { path: { id: source.id }, header: builtOn(source.revision) }, body }))
        : take(api.POST('/api/v1/sources', { body })),
    onSuccess: async (kept) => {
      await refresh('sources');
      message.success(words.common.saved);
      await go(`/sources/${kept.id}`, { replace: true });
    },
  });
  const required = [{ required: true, message: words.common.required }];
  return (
    <>
      <Head title={source ? words.sources.edit(source.spec.name) : words.sources.add} up={{ to: '/sources', text: words.sources.title }} />
      <div className="form">
        <Trouble error={save.error} />
        <Form<Filled>
          form={form}
          layout="vertical"
          initialValues={source && { ...source.spec, exclude: source.spec.exclude?.join('\n') }}
          onFinish={(values) => save.mutate(specOf(values))}
        >
          <fieldset>
            <legend>{words.sources.title}</legend>
            <Form.Item name="location" label={words.common.location} extra={words.sources.locationHelp} rules={required}>
              <Input className="mono" placeholder="/srv/files" autoComplete="off" />
            </Form.Item>
            <Form.Item name="name" label={words.common.name} extra={words.sources.nameHelp} rules={required}>
              <Input autoComplete="off" />
            </Form.Item>
            <Form.Item name="password" label={`${words.common.password} (${words.common.optional})`} extra={words.sources.passwordHelp}>
              <Input className="mono" placeholder="env:SHOP_PASSWORD" autoComplete="off" />
            </Form.Item>
            <Form.Item name="exclude" label={`${words.sources.exclude} (${words.common.optional})`} extra={words.sources.excludeHelp}>
              <Input.TextArea className="mono" rows={3} placeholder="*.tmp" />
            </Form.Item>
          </fieldset>
          <FormEnd isBusy={save.isPending} />
        </Form>
        <Commands cli={backup(spec)} api={source ? call('PUT', `/sources/${source.id}`, spec, source.revision) : call('POST', '/sources', spec)} />
      </div>
    </>
  );
}
