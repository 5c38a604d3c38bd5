// The crossings to R2: bodies stay on this side, as streams or as one part at a time.

// The least R2 takes for any part but the last; all of them must be equal.
const PART = 5 * 1024 * 1024;
const FIRST_ROOM = 64 * 1024;

/**
 * An object on its way into R2: one put where it fits into a part, else part by part, the one being sent
 * while the next fills up. So two parts are all that is ever held.
 */
export class Upload {
  #bucket;
  #key;
  #part = new Uint8Array(FIRST_ROOM);
  #length = 0;
  #spare;
  #multipart;
  #sent = [];
  #sending;

  constructor(env, key) {
    this.#bucket = env.FILES;
    this.#key = key;
  }

  /** Takes of these bytes what the part has room for, at once; how many that is. */
  take(bytes) {
    const taken = bytes.subarray(0, PART - this.#length);
    this.#makeRoom(this.#length + taken.length);
    this.#part.set(taken, this.#length);
    this.#length += taken.length;
    return taken.length;
  }

  #makeRoom(length) {
    if (length <= this.#part.length) return;
    const larger = new Uint8Array(Math.min(PART, Math.max(length, 2 * this.#part.length)));
    larger.set(this.#part.subarray(0, this.#length));
    this.#part = larger;
  }

  /** Begins to send the part, once the one before has arrived. */
  async send() {
    await this.#sending;
    this.#multipart ??= await this.#bucket.createMultipartUpload(this.#key);
    const part = this.#part;
    this.#sending = this.#multipart.uploadPart(this.#sent.length + 1, part.subarray(0, this.#length));
    this.#sent.push(this.#sending);
    // Whoever awaits it next hears of its failure.
    this.#sending.catch(() => {});
    this.#part = this.#spare ?? new Uint8Array(PART);
    this.#spare = part;
    this.#length = 0;
  }

  /** The object's ETag. */
  async finish() {
    if (!this.#multipart) {
      return (await this.#bucket.put(this.#key, this.#part.subarray(0, this.#length))).etag;
    }
    if (this.#length > 0) await this.send();
    return (await this.#multipart.complete(await Promise.all(this.#sent))).etag;
  }

  /** Nothing of it stays. */
  async abort() {
    await Promise.allSettled(this.#sent);
    await this.#multipart?.abort();
  }
}

/** An object's bytes from `offset` on, as a stream; null where it is gone. */
export async function open(env, key, offset, length) {
  const object = await env.FILES.get(key, { range: { offset, length } });
  return object?.body ?? null;
}

/**
 * Puts a request's body as it comes in, while R2 checks that this is its SHA-256; what went wrong, or "".
 * The body's length is known, else R2 does not take it.
 */
export async function store(env, request, key, sha256) {
  try {
    await env.FILES.put(key, request.body, { sha256 });
    return "";
  } catch (error) {
    return `${error?.message ?? error}`;
  }
}

/** So many bytes of an object from `offset` on as text; null where it is gone. */
export async function text(env, key, offset, length) {
  const object = await env.FILES.get(key, { range: { offset, length } });
  return object && object.text();
}

/** An object's size and ETag as JSON; null where there is none. */
export async function head(env, key) {
  const object = await env.FILES.head(key);
  return object && JSON.stringify({ size: object.size, etag: object.etag });
}

/** Keeps JSON under a key that holds nothing yet, and for listings its fields; whether there was nothing. */
export async function keep(env, key, json) {
  const fields = Object.entries(JSON.parse(json)).map(([name, value]) => [name, JSON.stringify(value)]);
  const options = { onlyIf: new Headers({ "if-none-match": "*" }), customMetadata: Object.fromEntries(fields) };
  return (await env.FILES.put(key, json, options)) !== null;
}

/** What was kept under keys that begin so, in their order: JSON. */
export async function kept(env, prefix) {
  const found = [];
  for (let page = { truncated: true }; page.truncated; ) {
    page = await env.FILES.list({ prefix, cursor: page.cursor, include: ["customMetadata"] });
    for (const { customMetadata } of page.objects) {
      const fields = Object.entries(customMetadata).map(([name, value]) => `${JSON.stringify(name)}:${value}`);
      found.push(`{${fields}}`);
    }
  }
  return `[${found}]`;
}

/** A body that is written while somebody reads it: a write waits until there is room. */
export class Pour {
  #stream = new IdentityTransformStream();
  #writer = this.#stream.writable.getWriter();

  body() {
    return this.#stream.readable;
  }

  async write(bytes) {
    await this.#writer.write(bytes);
  }

  async close() {
    await this.#writer.close();
  }

  /** The reader sees it end in the middle. */
  async abort() {
    await this.#writer.abort(new Error("broken off"));
  }
}

const utf8 = new TextEncoder();

const sealing = (seal) => crypto.subtle.importKey("raw", seal, "AES-GCM", false, ["encrypt", "decrypt"]);
// A key is one file's, which is written once: so this need not differ.
const SEALED = { name: "AES-GCM", iv: new Uint8Array(12) };

/** Stores a text, sealed if there are 32 bytes to seal it with. */
export async function write_text(env, key, text, seal) {
  const by = seal.length > 0 && (await sealing(seal));
  const bytes = utf8.encode(text);
  await env.FILES.put(key, by ? await crypto.subtle.encrypt(SEALED, by, bytes) : bytes);
}

/** A text as it was stored; null where it is gone. */
export async function load_text(env, key, seal) {
  const by = seal.length > 0 && (await sealing(seal));
  const bytes = await (await env.FILES.get(key))?.arrayBuffer();
  return bytes ? new TextDecoder().decode(by ? await crypto.subtle.decrypt(SEALED, by, bytes) : bytes) : null;
}

/** Up to 1,000 keys at once; what is not there is deleted, too. */
export async function remove(env, keys) {
  await env.FILES.delete(JSON.parse(keys));
}

/** Deletes everything whose key begins so. */
export async function clear(env, prefix) {
  for (;;) {
    const { objects } = await env.FILES.list({ prefix });
    if (objects.length === 0) return;
    await env.FILES.delete(objects.map(({ key }) => key));
  }
}

/** A page of keys after this one, in order, each with when it was written and how large it is: JSON. */
export async function list(env, prefix, after) {
  const { objects, truncated } = await env.FILES.list({ prefix, ...(after && { startAfter: after }) });
  return JSON.stringify({ truncated, objects: objects.map(({ key, uploaded, size }) => [key, uploaded.getTime(), size]) });
}
