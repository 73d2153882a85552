export interface Product {
  id: string;
  name: string;
  cents: number;
}

export interface SearchResult {
  total: number;
  products: Product[];
}

export async function searchProducts(params: URLSearchParams, signal: AbortSignal): Promise<SearchResult> {
  const res = await fetch(`/api/products?${params}`, { signal });
  if (!res.ok) throw new Error(`search failed: ${res.status}`);
  return res.json();
}
