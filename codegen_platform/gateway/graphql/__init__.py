"""`/graphql`: the same lists as over REST, in the shape that a dashboard asks for; it reads, and changes nothing."""

from codegen_platform.gateway.graphql.routes import graphql_routes

__all__ = ["graphql_routes"]
