export type { HealthPaths } from './health.ts'
export type { FetchApp } from './hono-router.ts'
export type { HttpOptions } from './options.ts'
export type { AllowedOrigins } from './origins.ts'
export { http } from './plugin.ts'
export type { TrustProxy } from './proxies.ts'
export {
  HttpRoutes,
  HttpServer,
  NodeHandler,
  type RequestHandler,
  type RequestOrigin,
  type UpgradeHandler,
} from './tokens.ts'
