import { useMutation } from '@tanstack/react-query';
import { App, Button, Form, Input, Select } from 'antd';
import { api, take } from '../../api/client';
import { useRefresh, useUsers } from '../../api/queries';
import { ROLES, type User } from '../../api/types';
import { useWords, worded } from '../../i18n';
import { call } from '../../lib/command';
import { Commands } from '../../parts/Commands';
import { Rows } from '../../parts/List';
import { Sheet } from '../../parts/Page';
import { Trouble } from '../../parts/ProblemBox';
import { RemoveButton } from '../../parts/RemoveButton';
import { Waiting } from '../../parts/Waiting';
import { When } from '../../parts/When';
import { useViewer } from '../../shell/viewer';

interface Filled {
  name: string;
  role: string;
  password: string;
}

/** Who may sign in, and as what. */
export function UserSettings() {
  const words = useWords();
  const viewer = useViewer();
  const refresh = useRefresh();
  const { message } = App.useApp();
  const users = useUsers();
  const [form] = Form.useForm<Filled>();
  const filled = (Form.useWatch([], form) ?? {}) as Partial<Filled>;
  const add = useMutation({
    mutationFn: (body: Filled) => take(api.POST('/api/v1/users', { body })),
    onSuccess: async () => {
      form.resetFields();
      message.success(words.common.saved);
      await refresh('users');
    },
  });
  if (users.error) return <Trouble error={users.error} retry={() => void users.refetch()} />;
  if (!users.data) return <Waiting />;
  const required = [{ required: true, message: words.common.required }];
  const roles = ROLES.filter((role) => role !== 'owner' || viewer.user.role === 'owner');
  return (
    <>
      <Sheet flush>
        <Rows<User>
          label={words.settings.tabs.users}
          rows={users.data}
          rowKey={(user) => user.id}
          columns={[
            {
              title: words.common.name,
              render: (_, user) => (
                <>
                  {user.name} {user.id === viewer.user.id && <span className="soft small">({words.settings.you})</span>}
                </>
              ),
            },
            {
              title: words.settings.role,
              render: (_, user) => (
                <>
                  {worded(words.roles, user.role)} <span className="soft small">– {worded(words.settings.roleHelp, user.role)}</span>
                </>
              ),
            },
            { title: words.common.created, render: (_, user) => <When ms={user.created_ms} /> },
            {
              title: words.common.actions,
              render: (_, user) =>
                user.id !== viewer.user.id && (
                  <RemoveButton
                    size="small"
                    name={user.name}
                    api={call('DELETE', `/users/${user.id}`)}
                    remove={async () => {
                      await take(api.DELETE('/api/v1/users/{id}', { params: { path: { id: user.id } } }));
                      await refresh('users');
                    }}
                  />
                ),
            },
          ]}
        />
      </Sheet>
      <div className="form">
        <Trouble error={add.error} />
        <Form<Filled> form={form} layout="vertical" initialValues={{ role: 'viewer' }} onFinish={(values) => add.mutate(values)}>
          <fieldset>
            <legend>{words.settings.addUser}</legend>
            <div className="row">
              <Form.Item name="name" label={words.common.name} rules={required}>
                <Input autoComplete="off" />
              </Form.Item>
              <Form.Item name="role" label={words.settings.role} rules={required} extra={filled.role ? worded(words.settings.roleHelp, filled.role) : ''}>
                <Select options={roles.map((role) => ({ value: role, label: words.roles[role] }))} />
              </Form.Item>
            </div>
            <Form.Item name="password" label={words.common.password} rules={required} extra={words.sign.passwordHelp}>
              <Input.Password autoComplete="new-password" />
            </Form.Item>
            <Form.Item>
              <Button type="primary" htmlType="submit" loading={add.isPending}>
                {words.settings.addUser}
              </Button>
            </Form.Item>
          </fieldset>
        </Form>
        <Commands api={call('POST', '/users', { name: filled.name ?? '', role: filled.role ?? '', password: '…' })} />
      </div>
    </>
  );
}
