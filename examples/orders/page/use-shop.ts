import { client, useTopic } from './realtime.ts'

/** Whether the shop is open. Undefined until it is known. All components share one state, because of `key`. */
export const useShop = (): boolean | undefined =>
  useTopic('shop/state', {
    key: 'shop',
    load: ({ signal }) => client.call('shop/get', undefined, { signal }),
  }).data?.open
