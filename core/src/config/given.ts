/** A config as it was given, after its shape was checked: what did not fit is gone, so that anything may be missing. */
import type { Config, HttpListener, HttpPool, Protocol, RouteConfig } from '@steelyard/sdk';

type Partly<T> = T extends RegExp
  ? T
  : T extends readonly (infer Item)[]
    ? readonly (Partly<Item> | undefined)[]
    : T extends object
      ? { readonly [K in keyof T]?: Partly<T[K]> | undefined }
      : T;

/** What stands in a plugin's place may be anything at all. */
interface Plugged {
  readonly plugins?: readonly unknown[];
}
export type GivenListener = Partly<Omit<HttpListener, 'plugins' | 'protocol'>> & Plugged & { readonly protocol?: Protocol };
export type GivenPool = Partly<Pick<HttpPool, 'unknown' | 'panicThreshold' | 'retry' | 'timeouts' | 'maxIdle' | 'maxResponseHeadBytes'>> &
  Plugged & { readonly protocol?: Protocol; readonly backends?: unknown; readonly health?: unknown; readonly strategy?: unknown };
export type GivenRoute = Partly<Omit<RouteConfig, 'plugins'>> & Plugged;
export type GivenConfig = Partly<Pick<Config, 'drainLimitMs' | 'setupLimitMs' | 'workers' | 'stallLimitMs' | 'maxConnections' | 'maxLoopDelayMs' | 'log'>> &
  Plugged & {
    readonly listeners?: readonly (GivenListener | undefined)[];
    readonly pools?: Readonly<Record<string, GivenPool | undefined>>;
    readonly routes?: readonly (GivenRoute | undefined)[];
  };
