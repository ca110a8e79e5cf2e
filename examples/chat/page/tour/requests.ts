/** What the server offers to the panel. See `tour/routes.ts`. */
export interface Features {
  readonly restart: boolean
  readonly slowReader: boolean
  readonly nodes: boolean
}

/** See `tour/slow-reader.ts`. */
export interface SlowReaderReport {
  readonly messages: number
  readonly megabytes: number
  readonly paused: number
  readonly caughtUp: number
  readonly wrong: number
}

const ask = async (path: string, method: 'GET' | 'POST'): Promise<Response> => {
  const response = await fetch(`/tour${path}`, { method })
  if (response.status === 409) throw new Error('Somebody else has started this. Try again in a moment.')
  if (!response.ok) throw new Error(`The server answers ${response.status}`)
  return response
}

const read = async <T>(path: string, method: 'GET' | 'POST' = 'GET'): Promise<T> =>
  (await (await ask(path, method)).json()) as T

export const features = (): Promise<Features> => read('')
export const source = async (): Promise<string> => await (await ask('/source', 'GET')).text()
export const restart = (): Promise<unknown> => read('/restart', 'POST')
export const slowReader = (): Promise<SlowReaderReport> => read('/slow-reader', 'POST')
export const nodes = (): Promise<readonly string[]> => read('/nodes')
export const kill = (node: string): Promise<unknown> => read(`/kill?node=${encodeURIComponent(node)}`, 'POST')
