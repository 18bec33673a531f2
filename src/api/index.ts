/** Every declared route, in the one array that everything else reads. */
import type { NamedRoute, Route } from '../http/route.ts'
import {
  deleteApiKey,
  listApiKeys,
  patchApiKey,
  createApiKey,
  readApiKey,
  readApiKeyUsage,
  rotateApiKey,
} from './api-keys.ts'
import { listAudit, listElevations, verifyAudit } from './audit.ts'
import {
  putUserBadge,
  createBadgeAssignments,
  listUserBadges,
  deleteUserBadge,
} from './badge-assignments.ts'
import {
  listBadgeRules,
  patchBadgeRule,
  createBadgeRule,
  previewBadgeRule,
  readBadgeRule,
  deleteBadgeRule,
} from './badge-rules.ts'
import { listBadges, patchBadge, createBadge, readBadge, deleteBadge } from './badges.ts'
import {
  cancelBooking,
  confirmBooking,
  declineBooking,
  listBookings,
  listMyBookings,
  createBooking,
  deleteBookingContact,
  readBooking,
  readBookingCalendar,
  settleBookings,
} from './bookings.ts'
import {
  createMyCalendarFeed,
  createServiceCalendarFeed,
  deleteMyCalendarFeed,
  deleteServiceCalendarFeed,
} from './calendar-feeds.ts'
import { explain } from './explain.ts'
import {
  deleteIdentity,
  listIdentities,
  createIdentity,
  deleteUserIdentity,
  listUserIdentities,
} from './identities.ts'
import { readSiteHealth } from './health.ts'
import { listEvents } from './events.ts'
import { checkToken, listIssuers } from './issuers.ts'
import { listJobRuns, listJobs, createJobRun } from './jobs.ts'
import {
  deleteMe,
  readMe,
  readMyProgress,
  readMyVisits,
  createMyVisit,
  fillMyProfile,
  patchMe,
} from './me.ts'
import { patchMyNotifications, readMyNotifications } from './notifications.ts'
import { exportMe, exportUser } from './member-export.ts'
import {
  createPageRule,
  deletePageRule,
  listPageRules,
  patchPageRule,
  readPageRule,
} from './page-rules.ts'
import { readPermissions } from './permissions.ts'
import { readRefusal } from './refusals.ts'
import { listRoles, putRoleDefinition, deleteRoleDefinition } from './role-definitions.ts'
import { deleteUserRole, putUserRole } from './roles.ts'
import { deleteSession, deleteSessions, listSessions } from './sessions.ts'
import {
  listServices,
  listSlots,
  patchService,
  createService,
  createSlots,
  previewSlots,
  readService,
  deleteService,
  deleteSlot,
} from './services.ts'
import { readStats } from './stats.ts'
import { listUsers, readUser, reinstateUser, deleteUser, suspendUser, patchUser } from './users.ts'
import { claimMyBookings, createVisitor } from './visitors.ts'
import { readUserVisits } from './visits.ts'
import {
  createWebhook,
  deleteWebhook,
  listDeliveries,
  listWebhooks,
  patchWebhook,
  pingWebhook,
  readWebhook,
  replayDelivery,
  replayWebhook,
  rotateWebhook,
} from './webhooks.ts'
import { readWhoami } from './whoami.ts'

/** The names are those of the operations in the OpenAPI document. */
const declared = {
  readWhoami,
  createVisitor,
  readMe,
  patchMe,
  deleteMe,
  exportMe,
  fillMyProfile,
  createMyVisit,
  readMyVisits,
  readMyProgress,
  readMyNotifications,
  patchMyNotifications,
  listIdentities,
  createIdentity,
  deleteIdentity,
  listUsers,
  readUser,
  patchUser,
  deleteUser,
  exportUser,
  suspendUser,
  reinstateUser,
  readUserVisits,
  listSessions,
  deleteSessions,
  deleteSession,
  listUserIdentities,
  deleteUserIdentity,
  listRoles,
  putRoleDefinition,
  deleteRoleDefinition,
  putUserRole,
  deleteUserRole,
  listBadges,
  readBadge,
  createBadge,
  patchBadge,
  deleteBadge,
  listUserBadges,
  putUserBadge,
  deleteUserBadge,
  createBadgeAssignments,
  listBadgeRules,
  readBadgeRule,
  createBadgeRule,
  patchBadgeRule,
  deleteBadgeRule,
  previewBadgeRule,
  listServices,
  readService,
  createService,
  patchService,
  deleteService,
  createServiceCalendarFeed,
  deleteServiceCalendarFeed,
  listSlots,
  createSlots,
  previewSlots,
  deleteSlot,
  createBooking,
  listMyBookings,
  createMyCalendarFeed,
  deleteMyCalendarFeed,
  claimMyBookings,
  listBookings,
  readBookingCalendar,
  readBooking,
  deleteBookingContact,
  confirmBooking,
  declineBooking,
  settleBookings,
  cancelBooking,
  listApiKeys,
  readApiKey,
  createApiKey,
  patchApiKey,
  deleteApiKey,
  rotateApiKey,
  readApiKeyUsage,
  listPageRules,
  readPageRule,
  createPageRule,
  patchPageRule,
  deletePageRule,
  listAudit,
  verifyAudit,
  listEvents,
  listWebhooks,
  readWebhook,
  createWebhook,
  patchWebhook,
  deleteWebhook,
  rotateWebhook,
  pingWebhook,
  listDeliveries,
  replayDelivery,
  replayWebhook,
  listElevations,
  readRefusal: readRefusal(() => routes),
  readPermissions: readPermissions(() => routes),
  explain,
  readStats,
  readSiteHealth,
  listIssuers,
  checkToken,
  listJobs,
  listJobRuns,
  createJobRun,
}

export const routes: readonly NamedRoute[] = Object.entries<Route>(declared).map(
  ([name, declaration]) => ({ ...declaration, name }),
)

/** The types of all declarations, for the typed client. */
export type DeclaredRoutes = readonly (typeof declared)[keyof typeof declared][]
