import { PlayCircleOutlined } from '@ant-design/icons';
import { useMutation } from '@tanstack/react-query';
import { App, Button } from 'antd';
import { useNavigate } from 'react-router';
import { asProblem } from '../api/problem';
import { api, take } from '../api/client';
import { useRefresh } from '../api/queries';
import { useWords } from '../i18n';
import { wordedProblem } from './ProblemBox';

/** Starts a policy now, and shows what came of it. */
export function RunNow({ policy, name, isPrimary }: { policy: string; name: string; isPrimary?: boolean }) {
  const words = useWords();
  const go = useNavigate();
  const refresh = useRefresh();
  const { message } = App.useApp();
  const start = useMutation({
    mutationFn: () => take(api.POST('/api/v1/policies/{id}/runs', { params: { path: { id: policy } } })),
    onSuccess: async ({ runs }) => {
      message.success(words.policies.started(runs.length));
      await refresh('runs');
      await go(runs.length === 1 ? `/runs/${runs[0]}` : `/runs?owner=${policy}`);
    },
    onError: (error) => message.error(wordedProblem(words, asProblem(error)).title),
  });
  return (
    <Button
      type={isPrimary ? 'primary' : 'default'}
      icon={<PlayCircleOutlined />}
      loading={start.isPending}
      aria-label={`${words.policies.start}: ${name}`}
      onClick={() => start.mutate()}
    >
      {words.policies.start}
    </Button>
  );
}
