// The one door to the server's JSON: get, post, patch, del. Every failure is an ApiError with a sentence for people.

const ROOT = "/api/v1/";
const signedOutListeners = new Set();

export class ApiError extends Error {
  constructor(status, code, message, body = null, retryAfter = null) {
    super(message);
    this.name = "ApiError";
    this.status = status; // 0: the server could not be reached
    this.code = code;
    this.body = body;
    this.retryAfter = retryAfter; // seconds that the server asks to wait; null: it did not say
  }
}

/** Call `listener` with the ApiError whenever the server says that nobody (or somebody else) is signed in. Returns a function that stops it. */
export function onSignedOut(listener) {
  signedOutListeners.add(listener);
  return () => signedOutListeners.delete(listener);
}

export function csrfToken() {
  const match = document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/);
  return match ? decodeURIComponent(match[1]) : "";
}

/** Paths that start with "/" are taken as they are; others lie under the API's root. */
export function address(path) {
  return path.startsWith("/") ? path : ROOT + path;
}

/** Seconds of a Retry-After header, which may also name a time. */
function seconds(header) {
  if (!header) return null;
  const wait = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(wait) ? Math.max(0, wait) : null;
}

/** The error that a JSON (or any other) body of a failed answer stands for. */
export function errorFrom(status, text, retryAfter = null) {
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    body = null;
  }
  const code = body?.code ?? "server_error";
  const fallback = gettext("The server could not do this. Nothing was changed; please try again in a minute.");
  const error = new ApiError(status, code, body?.message ?? fallback, body, seconds(retryAfter));
  if (status === 401) signedOutListeners.forEach((listener) => listener(error));
  return error;
}

export function offline() {
  const text = gettext("The server cannot be reached. What you did is kept here; please check your connection.");
  return new ApiError(0, "offline", text);
}

async function ask(method, path, body, headers = {}, signal = undefined) {
  const options = { signal, method, headers: { Accept: "application/json", ...headers }, credentials: "same-origin" };
  if (method !== "GET") options.headers["X-CSRFToken"] = csrfToken();
  if (body !== undefined && body !== null) {
    const raw = typeof body === "string" || body instanceof Blob || body instanceof ArrayBuffer;
    options.body = raw ? body : JSON.stringify(body);
    if (!raw) options.headers["Content-Type"] = "application/json";
  }
  let response;
  let blob;
  try {
    response = await fetch(address(path), options);
    blob = await response.blob();
  } catch {
    throw offline();
  }
  const file = response.headers.get("Content-Disposition")?.match(/^attachment; filename="([^"]+)"/);
  if (response.ok && file) return { blob, name: file[1] };
  if (response.status === 304) return null; // as it was
  const text = await blob.text();
  if (!response.ok) throw errorFrom(response.status, text, response.headers.get("Retry-After"));
  if (!text) return null;
  const json = (response.headers.get("Content-Type") ?? "").includes("json");
  return json ? JSON.parse(text) : text;
}

export const get = (path, headers) => ask("GET", path, null, headers);
export const post = (path, body = {}, headers = {}, signal = undefined) => ask("POST", path, body, headers, signal);
export const patch = (path, body = {}, headers = {}) => ask("PATCH", path, body, headers);
export const del = (path, headers, body = null) => ask("DELETE", path, body, headers);
