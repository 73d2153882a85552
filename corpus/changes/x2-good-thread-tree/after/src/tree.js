const MAX_DEPTH = 8;

/**
 * Answers below the comment they answer. What lies deeper than MAX_DEPTH is
 * shown on the last level; a comment whose parents form a circle is left out.
 */
export function tree(rows) {
  const children = new Map();
  for (const row of rows) {
    const list = children.get(row.parent_id) ?? [];
    list.push(row);
    children.set(row.parent_id, list);
  }

  const placed = new Set();

  function below(parentId, depth) {
    const nodes = [];
    for (const row of children.get(parentId) ?? []) {
      if (placed.has(row.id)) continue;
      placed.add(row.id);
      const answers = below(row.id, depth + 1);
      const node = { id: row.id, author: row.author, body: row.body, answers: [] };
      nodes.push(node);
      if (depth + 1 < MAX_DEPTH) node.answers = answers;
      else nodes.push(...answers);
    }
    return nodes;
  }

  return below(null, 0);
}
