const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A UUIDv7. */
export function newId(now: Date): string {
  const bytes = new Uint8Array(16);
  crypto.getRandomValues(bytes.subarray(6));
  const millis = now.getTime();
  new DataView(bytes.buffer).setUint16(0, Math.floor(millis / 2 ** 32));
  new DataView(bytes.buffer).setUint32(2, millis >>> 0);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = (from: number, to: number) => Array.from(bytes.subarray(from, to), (byte) => HEX[byte]).join("");
  return `${hex(0, 4)}-${hex(4, 6)}-${hex(6, 8)}-${hex(8, 10)}-${hex(10, 16)}`;
}

export function bytesOf(id: string): Uint8Array {
  return Uint8Array.from(id.replaceAll("-", "").match(/../g)!, (pair) => parseInt(pair, 16));
}
