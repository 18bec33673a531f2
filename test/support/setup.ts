import { beforeEach } from 'vitest'
import { emptyStores } from './empty-stores.ts'

beforeEach(emptyStores)
