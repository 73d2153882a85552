const RADIUS = 15.9155; // a circumference of 100

export function Ring({ share }: { share: number }) {
  const filled = Math.min(1, share) * 100;
  return (
    <svg viewBox="0 0 36 36" width={36} height={36} aria-hidden="true">
      <circle cx={18} cy={18} r={RADIUS} fill="none" stroke="#ddd" strokeWidth={3} />
      <circle
        cx={18}
        cy={18}
        r={RADIUS}
        fill="none"
        stroke={share > 1 ? '#c00' : '#080'}
        strokeWidth={3}
        strokeDasharray={`${filled.toFixed(1)} 100`}
      />
    </svg>
  );
}
