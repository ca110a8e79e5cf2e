import { createAdaptorServer } from '@hono/node-server'
import { honoRoutes } from '../routes.mjs'
import { listen, serve } from '../serve.mjs'

serve(() =>
  listen(/** @type {import('node:http').Server} */ (createAdaptorServer({ fetch: honoRoutes().fetch }))),
)
