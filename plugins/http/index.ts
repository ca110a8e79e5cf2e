export type { HealthPaths } from './health-checks.ts'
export type { FetchApp } from './hono-router.ts'
export type { HttpOptions } from './options.ts'
export type { AllowedOrigins } from './origin-policy.ts'
export { http } from './plugin.ts'
export {
  HttpRoutes,
  HttpServer,
  NodeHandler,
  type RequestHandler,
  type RequestOrigin,
  type UpgradeHandler,
} from './tokens.ts'
export type { TrustProxy } from './trusted-proxies.ts'
