"""What lists and dashboards show: read on connections that cannot write."""
