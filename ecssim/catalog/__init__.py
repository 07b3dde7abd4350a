"""What AWS publishes: instance types, Fargate sizes, prices and quotas, each with source and date."""
