import { type App, type AppOptions, createApp, type Logger, type Plugin } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { type WebSocketOptions, websocket } from 'rookery/websocket'
import { onTestFinished } from 'vitest'

/** A log entry. */
export interface Line {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly msg: string | undefined
  readonly [field: string]: unknown
}

/** A logger that records its entries. */
export const recordingLogger = (lines: Line[] = []): Logger & { readonly lines: Line[] } => {
  const method = (level: Line['level']) => (first: string | object, message?: string) => {
    lines.push(typeof first === 'string' ? { level, msg: first } : { level, ...first, msg: message })
  }
  return {
    lines,
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
  }
}

export interface TestApp {
  readonly app: App
  /** The address on which the app listens. */
  readonly url: string
  readonly lines: Line[]
}

export interface TestAppOptions extends Omit<AppOptions, 'contract' | 'plugins' | 'logger'> {
  readonly contract?: object | undefined
  readonly plugins?: readonly Plugin[]
  readonly websocket?: WebSocketOptions
  readonly http?: Parameters<typeof http>[0]
  /** Registers handlers before the app starts. */
  readonly prepare?: (app: App) => void
}

/** Starts an app with HTTP and WebSocket on a free port. Stops it at the end of the test. */
export const startApp = async (options: TestAppOptions = {}): Promise<TestApp> => {
  const { plugins = [], websocket: ws, http: web, prepare, ...rest } = options
  const logger = recordingLogger()
  const app = createApp({
    allowAnonymous: true,
    ...(rest as Omit<AppOptions, 'plugins' | 'logger'>),
    logger,
    plugins: [http({ port: 0, hostname: '127.0.0.1', ...web }), websocket(ws), ...plugins],
  })
  prepare?.(app)
  await app.start()
  onTestFinished(() => app.stop())
  return { app, url: app.scope.get(HttpServer).url, lines: logger.lines }
}
