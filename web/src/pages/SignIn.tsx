import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Form, Input } from 'antd';
import { useEffect } from 'react';
import { api, rememberCsrf, take } from '../api/client';
import { useHealth } from '../api/queries';
import { useWords } from '../i18n';
import { Trouble } from '../parts/ProblemBox';
import { Waiting } from '../parts/Waiting';
import { Welcome } from './Welcome';

interface Filled {
  name: string;
  password: string;
}

/** Signs somebody in, and remembers the session. */
export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (filled: Filled) => take(api.POST('/api/v1/session', { body: filled })),
    onSuccess: (session) => {
      rememberCsrf(session.csrf);
      client.setQueryData(['session'], session);
    },
  });
}

/** Signing in; where there is no user yet, how the first one is made. */
export function SignIn() {
  const words = useWords();
  const health = useHealth();
  const sign = useSignIn();
  useEffect(() => {
    document.title = `${words.sign.title} · ${words.app.name}`;
  }, [words]);
  if (health.isPending) return <Waiting />;
  if (health.data && !health.data.is_set_up) {
    return (
      <Welcome>
        <h1>{words.sign.empty}</h1>
        <p>{words.sign.emptyText}</p>
      </Welcome>
    );
  }
  return (
    <Welcome>
      <h1>{words.sign.title}</h1>
      <Trouble error={sign.error} />
      <Form<Filled> layout="vertical" requiredMark={false} size="large" onFinish={(filled) => sign.mutate(filled)}>
        <Form.Item name="name" label={words.sign.name} rules={[{ required: true, message: words.common.required }]}>
          <Input autoComplete="username" autoFocus />
        </Form.Item>
        <Form.Item name="password" label={words.sign.password} rules={[{ required: true, message: words.common.required }]}>
          <Input.Password autoComplete="current-password" />
        </Form.Item>
        <Button type="primary" htmlType="submit" block loading={sign.isPending}>
          {words.sign.submit}
        </Button>
      </Form>
    </Welcome>
  );
}
