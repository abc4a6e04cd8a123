import { useWords } from '../i18n';
import { Go } from '../parts/Go';
import { Empty, Head, Sheet } from '../parts/Page';

/** An address that names nothing. */
export default function Lost() {
  const { lost } = useWords();
  return (
    <>
      <Head title={lost.title} />
      <Sheet>
        <Empty
          title={lost.title}
          text={lost.text}
          act={
            <Go to="/" primary>
              {lost.home}
            </Go>
          }
        />
      </Sheet>
    </>
  );
}
