/** All amounts are whole cents. */
export function total(lines, vatPermille = 190) {
  const net = lines.reduce((sum, line) => sum + line.cents * line.quantity, 0);
  const vat = Math.round((net * vatPermille) / 1000);
  return { net, vat, gross: net + vat };
}
