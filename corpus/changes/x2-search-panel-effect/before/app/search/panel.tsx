'use client';

import { useEffect, useState } from 'react';
import { searchProducts, type SearchResult } from '../../lib/search';

export function SearchPanel() {
  const [term, setTerm] = useState('');
  const [result, setResult] = useState<SearchResult | null>(null);

  useEffect(() => {
    const abort = new AbortController();
    searchProducts(new URLSearchParams({ q: term }), abort.signal)
      .then(setResult)
      .catch(() => undefined);
    return () => abort.abort();
  }, [term]);

  return (
    <section>
      <input value={term} onChange={(e) => setTerm(e.target.value)} />
      <ul>{result?.products.map((p) => <li key={p.id}>{p.name}</li>)}</ul>
    </section>
  );
}
