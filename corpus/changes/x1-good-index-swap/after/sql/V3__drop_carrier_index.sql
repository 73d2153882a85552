-- covered by shipments_carrier_tracking_idx since V2
DROP INDEX CONCURRENTLY IF EXISTS shipments_carrier_idx;
