import { SearchPanel } from './panel';

export default function Page() {
  return <SearchPanel />;
}
