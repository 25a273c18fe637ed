"""A SAM, CloudFormation or CDK template: read, its values resolved, its functions and what invokes them."""
