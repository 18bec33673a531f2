/** Every declared route, in the one array that everything else reads. */
import type { Route } from '../http/route.ts'
import {
  deleteApiKey,
  listApiKeys,
  patchApiKey,
  postApiKey,
  readApiKey,
  readApiKeyUsage,
  rotateKey,
} from './api-keys.ts'
import { listAudit, listElevations } from './audit.ts'
import { assignBadge, assignInBulk, listUserBadges, unassignBadge } from './badge-assignments.ts'
import { listRules, patchRule, postRule, previewRule, readRule, removeRule } from './badge-rules.ts'
import { listBadges, patchBadge, postBadge, readBadge, removeBadgeForGood } from './badges.ts'
import {
  cancel,
  confirm,
  decline,
  listBookings,
  listMyBookings,
  postBooking,
  readBooking,
  readBookingCalendar,
} from './bookings.ts'
import { explain } from './explain.ts'
import { deleteIdentity, listIdentities, postIdentity } from './identities.ts'
import { listJobRuns, listJobs, runJob } from './jobs.ts'
import { readMe, readMyProgress, readMyVisits, recordMyVisit, updateMe } from './me.ts'
import { readPermissions } from './permissions.ts'
import { listRoles, putRoleDefinition, removeRoleDefinition } from './role-definitions.ts'
import { deleteRole, putRole } from './roles.ts'
import {
  listServices,
  listSlots,
  patchService,
  postService,
  postSlots,
  readService,
  removeService,
  removeSlot,
} from './services.ts'
import { listUsers, readUser, reinstateUser, removeUser, suspendUser, updateUser } from './users.ts'
import { claimMyBookings, postVisitor } from './visitors.ts'
import { readVisits } from './visits.ts'
import { whoami } from './whoami.ts'

const declared = [
  whoami,
  postVisitor,
  readMe,
  updateMe,
  recordMyVisit,
  readMyVisits,
  readMyProgress,
  listIdentities,
  postIdentity,
  deleteIdentity,
  listUsers,
  readUser,
  updateUser,
  removeUser,
  suspendUser,
  reinstateUser,
  readVisits,
  listRoles,
  putRoleDefinition,
  removeRoleDefinition,
  putRole,
  deleteRole,
  listBadges,
  readBadge,
  postBadge,
  patchBadge,
  removeBadgeForGood,
  listUserBadges,
  assignBadge,
  unassignBadge,
  assignInBulk,
  listRules,
  readRule,
  postRule,
  patchRule,
  removeRule,
  previewRule,
  listServices,
  readService,
  postService,
  patchService,
  removeService,
  listSlots,
  postSlots,
  removeSlot,
  postBooking,
  listMyBookings,
  claimMyBookings,
  listBookings,
  readBookingCalendar,
  readBooking,
  confirm,
  decline,
  cancel,
  listApiKeys,
  readApiKey,
  postApiKey,
  patchApiKey,
  deleteApiKey,
  rotateKey,
  readApiKeyUsage,
  listAudit,
  listElevations,
  readPermissions(() => routes),
  explain,
  listJobs,
  listJobRuns,
  runJob,
] as const

export const routes: readonly Route[] = declared

/** For the typed client. */
export type DeclaredRoutes = typeof declared
