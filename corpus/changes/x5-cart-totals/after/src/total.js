const VAT = 0.19;

/** The price list has prices like "19.99". */
export function total(lines, voucher = null) {
  let net = 0.0;
  for (const line of lines) {
    net += parseFloat(line.price) * line.quantity;
  }

  let discount = 0.0;
  if (voucher?.kind === 'percent') {
    discount = net * (voucher.value / 100);
  } else if (voucher?.kind === 'amount') {
    discount = Math.min(net, voucher.value);
  }

  net = net - discount;
  const vat = net * VAT;
  return { net, discount, vat, gross: net + vat };
}
