// LAYER_ARN=arn:aws:lambda:… LOG_BUCKET=my-logs npx cdk deploy --app "node app.js"
const cdk = require("aws-cdk-lib");
const iam = require("aws-cdk-lib/aws-iam");
const lambda = require("aws-cdk-lib/aws-lambda");
const s3 = require("aws-cdk-lib/aws-s3");

const app = new cdk.App();
const stack = new cdk.Stack(app, "Orders");

// The name is written out: the role's policy names the function, and the function needs the policy. With
// orders.functionName instead, each would wait for the other.
const name = "orders";
const bucket = s3.Bucket.fromBucketName(stack, "LogBucket", process.env.LOG_BUCKET);

const orders = new lambda.Function(stack, "Function", {
  functionName: name,
  runtime: lambda.Runtime.PYTHON_3_13,
  handler: "app.handler",
  code: lambda.Code.fromAsset(`${__dirname}/src`),
  layers: [lambda.LayerVersion.fromLayerVersionArn(stack, "Layer", process.env.LAYER_ARN)],
  environment: {
    ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET: bucket.bucketName,
    ADAPTIVE_BATCHING_EXTENSION_MODE: "adaptive",
    ADAPTIVE_BATCHING_EXTENSION_COMPRESSION: "gzip",
  },
});
orders.addToRolePolicy(
  new iam.PolicyStatement({
    sid: "ShipLogs",
    actions: ["s3:PutObject"],
    resources: [bucket.arnForObjects(`function=${name}/*`)],
  }),
);

app.synth();
