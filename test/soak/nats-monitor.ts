import { get } from 'node:http'

interface Connections {
  readonly connections: readonly { readonly subscriptions_list?: readonly string[] }[]
}

const fetchJson = (url: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    // Without an agent, no connection stays open.
    get(url, { agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve(JSON.parse(text)))
    }).on('error', reject)
  })

/**
 * The subscriptions of each connection to a NATS server, sorted. Ids of nodes are replaced by `<node>`, and other random
 * ids by `<id>`, so that the lists of two times are equal if nothing was left over.
 *
 * @param port of the server's monitoring
 * @param nodes ids of all nodes
 */
export const natsSubscriptions = async (
  port: number,
  nodes: readonly string[],
): Promise<readonly string[]> => {
  const { connections } = (await fetchJson(`http://127.0.0.1:${port}/connz?subs=1`)) as Connections
  const anonymous = (subject: string) =>
    nodes
      .reduce((text, node) => text.replaceAll(node, '<node>'), subject)
      .replace(/_INBOX\.[^.]+/, '_INBOX.<id>')
  return connections.flatMap(({ subscriptions_list: list = [] }) => list.map(anonymous)).sort()
}
