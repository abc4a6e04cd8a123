/** The sign of Datakeep. */
export function Mark() {
  return (
    <svg width="34" height="34" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#2f6fe4" />
      <path d="M8 10.500c0-1.900 3.600-3.500 8-3.500s8 1.600 8 3.500-3.600 3.500-8 3.500-8-1.600-8-3.500z" fill="#fff" />
      <path d="M8 14v3.500c0 1.900 3.600 3.500 8 3.500s8-1.600 8-3.500V14c-1.600 1.700-4.700 2.600-8 2.600S9.600 15.700 8 14z" fill="#fff" fillOpacity=".85" />
      <path d="M8 20.500V22c0 1.900 3.600 3.500 8 3.500s8-1.600 8-3.500v-1.500c-1.600 1.700-4.700 2.600-8 2.600s-6.400-.9-8-2.600z" fill="#fff" fillOpacity=".7" />
    </svg>
  );
}
