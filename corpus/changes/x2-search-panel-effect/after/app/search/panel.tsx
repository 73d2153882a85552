'use client';

import { useEffect, useState } from 'react';
import { searchProducts, type SearchResult } from '../../lib/search';

export function SearchPanel() {
  const [term, setTerm] = useState('');
  const [maxCents, setMaxCents] = useState<number | null>(null);
  const [inStock, setInStock] = useState(true);
  const [result, setResult] = useState<SearchResult | null>(null);

  const filters = {
    q: term,
    ...(maxCents !== null && { max: String(maxCents) }),
    ...(inStock && { stock: '1' }),
  };

  useEffect(() => {
    searchProducts(new URLSearchParams(filters), AbortSignal.timeout(5000))
      .then(setResult)
      .catch(() => setResult({ total: 0, products: [] }));
  }, [filters]);

  return (
    <section>
      <input value={term} onChange={(e) => setTerm(e.target.value)} placeholder="Search" />
      <label>
        <input type="checkbox" checked={inStock} onChange={(e) => setInStock(e.target.checked)} />
        in stock
      </label>
      <select
        value={maxCents ?? ''}
        onChange={(e) => setMaxCents(e.target.value === '' ? null : Number(e.target.value))}
      >
        <option value="">any price</option>
        <option value="2500">up to 25 €</option>
        <option value="10000">up to 100 €</option>
      </select>
      <p>{result?.total ?? 0} products</p>
      <ul>{result?.products.map((p) => <li key={p.id}>{p.name}</li>)}</ul>
    </section>
  );
}
