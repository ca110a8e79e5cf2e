import { checkOptions, option } from '../../core/util/options.ts'

/** What the document says about the API. */
export interface ApiInfo {
  /** @default 'API' */
  readonly title?: string | undefined
  /** Version of the API. @default '1.0.0' */
  readonly version?: string | undefined
  /** Text in Markdown. */
  readonly description?: string | undefined
}

export interface DocumentOptions {
  readonly info?: ApiInfo | undefined
  /**
   * Addresses of the servers, by name.
   *
   * @example { production: 'wss://chat.example.com/api/v1/ws' }
   */
  readonly servers?: Readonly<Record<string, string>> | undefined
}

const isServerUrl = (value: unknown): boolean =>
  typeof value === 'string' && URL.canParse(value) && /^(wss?|https?):$/.test(new URL(value).protocol)

/** Checks for the options of the document. */
export const documentChecks = {
  info: option.object,
  servers: (value: unknown) =>
    option.object(value) === undefined &&
    Object.entries(value as object).every(([name, url]) => /^[\w.-]+$/.test(name) && isServerUrl(url))
      ? undefined
      : "an object with names of letters, digits and ._-, and URLs such as 'wss://example.com/api/v1/ws'",
}

/** @throws `invalid_option` */
export const checkInfo = (owner: string, info: ApiInfo = {}): void =>
  checkOptions(`${owner} info`, info, {
    title: option.string,
    version: option.string,
    description: option.string,
  })

/** The servers as objects of AsyncAPI. */
export const serverObjects = (servers: Readonly<Record<string, string>>): Record<string, object> =>
  Object.fromEntries(
    Object.entries(servers).map(([name, url]) => {
      const { host, protocol, pathname } = new URL(url)
      return [name, { host, protocol: protocol.slice(0, -1), ...(pathname !== '/' && { pathname }) }]
    }),
  )
