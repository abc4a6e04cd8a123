import { useMutation } from '@tanstack/react-query';
import { Alert, Button, Form, Input, InputNumber, Select } from 'antd';
import { useState } from 'react';
import { api, take } from '../../api/client';
import { useRefresh, useTokens } from '../../api/queries';
import { may, SCOPES, type Token } from '../../api/types';
import { useWords, worded } from '../../i18n';
import { call } from '../../lib/command';
import { Badge } from '../../parts/Badge';
import { Commands } from '../../parts/Commands';
import { Rows } from '../../parts/List';
import { Empty, Sheet } from '../../parts/Page';
import { Trouble } from '../../parts/ProblemBox';
import { RemoveButton } from '../../parts/RemoveButton';
import { Waiting } from '../../parts/Waiting';
import { useNow, When } from '../../parts/When';
import { useViewer } from '../../shell/viewer';

interface Filled {
  name: string;
  scopes: string[];
  days: number;
}

/** One's own tokens. */
export function TokenSettings() {
  const words = useWords();
  const viewer = useViewer();
  const refresh = useRefresh();
  const now = useNow();
  const tokens = useTokens();
  const [shown, setShown] = useState<string | null>(null);
  const [form] = Form.useForm<Filled>();
  const filled = (Form.useWatch([], form) ?? {}) as Partial<Filled>;
  const add = useMutation({
    mutationFn: (body: Filled) => take(api.POST('/api/v1/tokens', { body })),
    onSuccess: async (made) => {
      setShown(made.token);
      form.resetFields();
      await refresh('tokens');
    },
  });
  if (tokens.error) return <Trouble error={tokens.error} retry={() => void tokens.refetch()} />;
  if (!tokens.data) return <Waiting />;
  const required = [{ required: true, message: words.common.required }];
  const scopes = SCOPES.filter((scope) => may(viewer.user.role, scope));
  return (
    <>
      {shown && (
        <Alert
          type="warning"
          showIcon
          className="sheet"
          title={words.settings.shownOnce}
          description={
            <>
              <p>{words.settings.shownOnceText}</p>
              <Commands title={words.settings.shownOnce} cli={`export TOKEN=${shown}`} />
            </>
          }
        />
      )}
      <Sheet flush>
        {tokens.data.length === 0 ? (
          <Empty title={words.settings.tokensNone} text={words.settings.tokensNoneText} />
        ) : (
          <Rows<Token>
            label={words.settings.tabs.tokens}
            rows={tokens.data}
            rowKey={(token) => token.id}
            columns={[
              { title: words.settings.tokenFor, render: (_, token) => token.name },
              { title: words.settings.rights, render: (_, token) => <span className="small">{token.scopes.map((scope) => worded(words.rights, scope)).join(' · ')}</span> },
              {
                title: words.settings.expires,
                render: (_, token) => (token.expires_ms < now ? <Badge tone="rest">{words.settings.expired}</Badge> : <When ms={token.expires_ms} />),
              },
              {
                title: words.common.actions,
                render: (_, token) => (
                  <RemoveButton
                    size="small"
                    name={token.name}
                    api={call('DELETE', `/tokens/${token.id}`)}
                    remove={async () => {
                      await take(api.DELETE('/api/v1/tokens/{id}', { params: { path: { id: token.id } } }));
                      await refresh('tokens');
                    }}
                  />
                ),
              },
            ]}
          />
        )}
      </Sheet>
      <div className="form">
        <Trouble error={add.error} />
        <Form<Filled> form={form} layout="vertical" initialValues={{ scopes: scopes.slice(0, 1), days: 90 }} onFinish={(values) => add.mutate(values)}>
          <fieldset>
            <legend>{words.settings.addToken}</legend>
            <div className="row">
              <Form.Item name="name" label={words.settings.tokenFor} rules={required}>
                <Input autoComplete="off" />
              </Form.Item>
              <Form.Item name="days" label={words.settings.days} rules={required}>
                <InputNumber min={1} max={366} />
              </Form.Item>
            </div>
            <Form.Item name="scopes" label={words.settings.rights} rules={required}>
              <Select mode="multiple" options={scopes.map((scope) => ({ value: scope, label: words.rights[scope] }))} />
            </Form.Item>
            <Form.Item>
              <Button type="primary" htmlType="submit" loading={add.isPending}>
                {words.settings.addToken}
              </Button>
            </Form.Item>
          </fieldset>
        </Form>
        <Commands api={call('POST', '/tokens', { name: filled.name ?? '', scopes: filled.scopes ?? [], days: filled.days ?? 90 })} />
      </div>
    </>
  );
}
