export type { AllowedOrigins } from './origin.ts'
export { type HttpOptions, http } from './plugin.ts'
export type { FetchApp } from './routes.ts'
export { HttpRoutes, HttpServer, type RequestHandler, type UpgradeHandler } from './tokens.ts'
